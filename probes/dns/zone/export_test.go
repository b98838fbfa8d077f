package zone

import "time"

// NoteSignatures is what a look does when the zone's signatures hold for left.
func NoteSignatures(m *Memory, zone string, left time.Duration) {
	m.signatures(zone, left, false, time.Now())
}

// Habit is what a look takes as the signer's habit.
func Habit(m *Memory, zone string) time.Duration { return m.renewed(zone, time.Now()) }

// JudgeRegistration is the judge of a registration.
func JudgeRegistration(r *Registration, zone string, now time.Time) []Finding {
	return judgeRegistration(r, zone, 0, now)
}
