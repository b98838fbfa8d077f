package store

// Every statement that SQL runs, in the part of the language that SQLite and
// PostgreSQL share: $n for arguments, ON CONFLICT with excluded, no type or
// function of one of them. A test asks a real PostgreSQL to take each.
const (
	putIncident = `INSERT INTO incidents (id, status, opened, ended, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, opened = excluded.opened, ended = excluded.ended, body = excluded.body`
	putDelivery = `INSERT INTO deliveries (id, incident, status, created, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body`
	putLine   = `INSERT INTO journal_queue (seq, body) VALUES ($1, $2) ON CONFLICT (seq) DO NOTHING`
	dropLines = `DELETE FROM journal_queue WHERE seq <= $1`
	putValue  = `INSERT INTO named_values (name, body, expires) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET body = excluded.body, expires = excluded.expires`

	liveIncidents  = `SELECT body FROM incidents WHERE status IN ('open', 'acknowledged') OR ended >= $1 ORDER BY opened, id`
	liveDeliveries = `SELECT body FROM deliveries WHERE status IN ('queued', 'sending') OR created >= $1 ORDER BY created, id`
	allLines       = `SELECT seq, body FROM journal_queue ORDER BY seq`
	dropValues     = `DELETE FROM named_values WHERE expires > 0 AND expires < $1`
	allValues      = `SELECT name, body FROM named_values`
	listIncidents  = `SELECT body FROM incidents WHERE opened < $1 ORDER BY opened DESC, id DESC LIMIT $2`
	oneIncident    = `SELECT body FROM incidents WHERE id = $1`
	itsDeliveries  = `SELECT body FROM deliveries WHERE incident = $1 ORDER BY created, id`

	oldIncidents = `SELECT id FROM incidents WHERE status NOT IN ('open', 'acknowledged') AND ended > 0 AND ended < $1 ORDER BY ended, id LIMIT $2`
	dropIncident = `DELETE FROM incidents WHERE id = $1 AND status NOT IN ('open', 'acknowledged')`
	dropItsPages = `DELETE FROM deliveries WHERE incident = $1`
	// Notices that belong to no incident, such as those of a shift's change.
	dropNotices = `DELETE FROM deliveries WHERE incident = '' AND status NOT IN ('queued', 'sending') AND created < $1`

	makeVersion = `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)`
	haveVersion = `SELECT COALESCE(MAX(version), 0) FROM schema_version`
	putVersion  = `INSERT INTO schema_version (version) VALUES ($1)`
)

// statements are all of them but those that change the schema.
func statements() []string {
	return []string{
		putIncident, putDelivery, putLine, dropLines, putValue, liveIncidents, liveDeliveries, allLines, dropValues, allValues,
		listIncidents, oneIncident, itsDeliveries, oldIncidents, dropIncident, dropItsPages, dropNotices, haveVersion, putVersion,
	}
}
