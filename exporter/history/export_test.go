package history

// CheckRemoteWrite tells what is wrong with a remote_write document.
func CheckRemoteWrite(doc []byte) error {
	_, err := loadRemoteWrite(doc)
	return err
}
