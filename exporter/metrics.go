package exporter

import "slices"

// Scope says where series of a metric come from.
type Scope string

// The scopes.
const (
	// PerCheck series are born from the newest look of a check: on /metrics
	// until it is stale, in the history at the look's own time.
	PerCheck Scope = "check"
	// PerPlace series describe units and systems: names, levels, maintenance.
	PerPlace Scope = "inventory"
	// Own series tell about watchpost itself.
	Own Scope = "own"
	// OnProbe series stand on /probe only.
	OnProbe Scope = "probe"
)

// MetricDoc is what the catalogue says of one metric.
type MetricDoc struct {
	Name   string
	Type   string   // gauge, counter or histogram
	Labels []string // every label that a series of it can have
	Help   string
	Scope  Scope
	// History tells whether the embedded history keeps it. What it does not
	// keep is on /metrics for an outside Prometheus.
	History bool
}

// Names that other rooms read by name.
const (
	StateMetric  = "watchpost_check_state"
	SinceMetric  = "watchpost_check_state_since_timestamp_seconds"
	ReasonMetric = "watchpost_check_reason_info"
)

// metric is the index of a metric in table.
type metric uint8

// The metrics. Adding one is a constant here and a row in table.
const (
	mNone metric = iota

	mSuccess
	mDuration
	mLookup
	mIPProtocol
	mIPAddrHash
	mFailedRegex
	mHTTPDuration
	mHTTPStatus
	mHTTPContentLength
	mHTTPUncompressed
	mHTTPRedirects
	mHTTPSSL
	mHTTPVersion
	mHTTPLastModified
	mSSLEarliest
	mSSLLastChain
	mSSLChainInfo
	mTLSVersion
	mTLSCipher
	mDNSDuration
	mDNSAnswer
	mDNSAuthority
	mDNSAdditional
	mDNSQuery
	mDNSSerial
	mICMPDuration
	mICMPHopLimit

	mState
	mSince
	mPending
	mLast
	mInterval
	mReason
	mFinding
	mAddressSuccess
	mAddressDuration
	mCheckInfo
	mCertNotBefore
	mCertNotAfter
	mCertLifetime
	mDNSRcode
	mICMPLoss
	mZoneSecure
	mZoneServers
	mZoneServersOK
	mZoneSignature
	mZoneQueries
	mServerSecure
	mServerLag
	mRegistration
	mProbeReason
	mProbeTimeout

	mUnitInfo
	mSystemInfo
	mMaintenance
	mDependsOn

	mUplinkUp
	mUplinkAnchorUp
	mObservations
	mLookDuration
	mFindingsDropped
	mScheduleChecks
	mScheduleInFlight
	mScheduleQueued
	mScheduleZombies
	mScheduleRuns
	mScheduleOverruns
	mSchedulePanics
	mScheduleCanceled
	mScheduleJumps
	mScheduleBlinded
	mScheduleSinkPanics
	mScheduleDelay
	mScheduleDelayMax
	mReloadOK
	mReloadAt
	mBuildInfo
	mHistoryDegraded
	mHistoryFailures
	mHistoryDropped
	mHistoryRejected
	mHistorySamples
	mHistoryMemory
	mStorageFree
	mStorageSize
	mEvidenceDropped
	mEvidenceBytes
	mReasonWords

	metricCount
)

// checkLabels stand on every PerCheck series, in this order. vantage is left
// out where the vantage has no name.
func checkLabels() []string {
	return []string{"unit", "system", "check", "kind", "instance", "vantage"}
}

const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

// row is a line of table: extra are the labels beside those of the scope.
type row struct {
	name, kind string
	scope      Scope
	history    bool
	help       string
	extra      []string
}

// table names every metric; nobody writes it.
var table = [metricCount]row{
	mSuccess:           {"probe_success", gauge, PerCheck, true, "Whether the newest look was a success (1) or not (0); absent while the verdict is Unknown.", nil},
	mDuration:          {"probe_duration_seconds", gauge, PerCheck, true, "How long the newest look took to complete in seconds.", nil},
	mLookup:            {"probe_dns_lookup_time_seconds", gauge, PerCheck, false, "Time taken for the name look-up in seconds.", nil},
	mIPProtocol:        {"probe_ip_protocol", gauge, PerCheck, false, "Whether the address asked is IP4 or IP6.", nil},
	mIPAddrHash:        {"probe_ip_addr_hash", gauge, PerCheck, false, "FNV hash of the address asked; it changes when the address does.", nil},
	mFailedRegex:       {"probe_failed_due_to_regex", gauge, PerCheck, false, "Whether the look failed because an expectation of text was not met.", nil},
	mHTTPDuration:      {"probe_http_duration_seconds", gauge, PerCheck, true, "Duration of the HTTP request by phase, summed over all redirects.", []string{"phase"}},
	mHTTPStatus:        {"probe_http_status_code", gauge, PerCheck, true, "Response HTTP status code; 0 = no answer.", nil},
	mHTTPContentLength: {"probe_http_content_length", gauge, PerCheck, false, "Length of the HTTP content; -1 = not said.", nil},
	mHTTPUncompressed:  {"probe_http_uncompressed_body_length", gauge, PerCheck, false, "Length of the uncompressed response body.", nil},
	mHTTPRedirects:     {"probe_http_redirects", gauge, PerCheck, false, "The number of redirects followed.", nil},
	mHTTPSSL:           {"probe_http_ssl", gauge, PerCheck, false, "Whether TLS was used for the final request.", nil},
	mHTTPVersion:       {"probe_http_version", gauge, PerCheck, false, "The HTTP version of the response.", nil},
	mHTTPLastModified:  {"probe_http_last_modified_timestamp_seconds", gauge, PerCheck, false, "The Last-Modified header of the response in Unix seconds.", nil},
	mSSLEarliest:       {"probe_ssl_earliest_cert_expiry", gauge, PerCheck, true, "Earliest end of validity of the certificates presented, in Unix seconds.", nil},
	mSSLLastChain:      {"probe_ssl_last_chain_expiry_timestamp_seconds", gauge, PerCheck, false, "End of validity of the best verified chain in Unix seconds; absent without one.", nil},
	mSSLChainInfo:      {"probe_ssl_last_chain_info", gauge, OnProbe, false, "The leaf certificate presented. Remote text, so it is on /probe only, bounded to 256 bytes a label.", []string{"fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber"}},
	mTLSVersion:        {"probe_tls_version_info", gauge, PerCheck, false, "The TLS version negotiated.", []string{"version"}},
	mTLSCipher:         {"probe_tls_cipher_info", gauge, PerCheck, false, "The TLS cipher suite negotiated.", []string{"cipher"}},
	mDNSDuration:       {"probe_dns_duration_seconds", gauge, PerCheck, false, "Duration of the DNS request by phase.", []string{"phase"}},
	mDNSAnswer:         {"probe_dns_answer_rrs", gauge, PerCheck, false, "Number of entries in the answer section.", nil},
	mDNSAuthority:      {"probe_dns_authority_rrs", gauge, PerCheck, false, "Number of entries in the authority section.", nil},
	mDNSAdditional:     {"probe_dns_additional_rrs", gauge, PerCheck, false, "Number of entries in the additional section.", nil},
	mDNSQuery:          {"probe_dns_query_succeeded", gauge, PerCheck, false, "Whether the DNS query was answered at all.", nil},
	mDNSSerial:         {"probe_dns_serial", gauge, PerCheck, false, "The serial of the zone.", nil},
	mICMPDuration:      {"probe_icmp_duration_seconds", gauge, PerCheck, true, "Duration of the ICMP request by phase. The history keeps phase rtt only.", []string{"phase"}},
	mICMPHopLimit:      {"probe_icmp_reply_hop_limit", gauge, PerCheck, false, "Hop limit (TTL for IPv4) of the reply.", nil},

	mState:           {StateMetric, gauge, PerCheck, true, "The confirmed state: 0 unknown, 1 up, 2 degraded, 3 down.", nil},
	mSince:           {SinceMetric, gauge, PerCheck, true, "When the confirmed state began, in Unix seconds: for down the first failed look. The history keeps it while the state is not up.", nil},
	mPending:         {"watchpost_check_pending", gauge, PerCheck, false, "Whether the newest looks contradict the confirmed state and are not yet enough to change it.", nil},
	mLast:            {"watchpost_check_last_observation_timestamp_seconds", gauge, PerCheck, true, "When the newest look began, in Unix seconds; its age is what shows a stuck check.", nil},
	mInterval:        {"watchpost_check_interval_seconds", gauge, PerCheck, true, "From the start of one look to the next.", nil},
	mReason:          {ReasonMetric, gauge, PerCheck, true, "Why the check is not up, a word of the closed list of reasons; absent while all is well.", []string{"reason"}},
	mFinding:         {"watchpost_finding", gauge, PerCheck, true, "Something wrong that a look found, whether or not the check is up.", []string{"reason", "severity", "where"}},
	mAddressSuccess:  {"watchpost_address_success", gauge, PerCheck, true, "Whether one address of the name answered rightly. The history keeps it where there are several; at most 16 addresses a check.", []string{"address"}},
	mAddressDuration: {"watchpost_address_duration_seconds", gauge, PerCheck, false, "How long asking one address took in seconds; at most 16 addresses a check.", []string{"address"}},
	mCheckInfo:       {"watchpost_check_info", gauge, PerCheck, false, "The check, with the name of its system for people.", []string{"name"}},
	mCertNotBefore:   {"watchpost_tls_cert_not_before_timestamp_seconds", gauge, PerCheck, false, "Start of validity of the leaf certificate in Unix seconds.", nil},
	mCertNotAfter:    {"watchpost_tls_cert_not_after_timestamp_seconds", gauge, PerCheck, false, "End of validity of the leaf certificate in Unix seconds.", nil},
	mCertLifetime:    {"watchpost_tls_cert_lifetime_left_ratio", gauge, PerCheck, true, "Share of the leaf certificate's lifetime that is left, 0 to 1; 0 when it has ended.", nil},
	mDNSRcode:        {"watchpost_dns_response_code", gauge, PerCheck, false, "The response code of the DNS answer (RFC 1035 4.1.1).", nil},
	mICMPLoss:        {"watchpost_icmp_loss_ratio", gauge, PerCheck, true, "Share of the ICMP packets of a look that were not answered, 0 to 1.", nil},
	mZoneSecure:      {"watchpost_zone_secure", gauge, PerCheck, true, "Whether the answers of every name server validated with DNSSEC; absent when that could not be told.", nil},
	mZoneServers:     {"watchpost_zone_servers", gauge, PerCheck, true, "Number of name server addresses asked.", nil},
	mZoneServersOK:   {"watchpost_zone_servers_ok", gauge, PerCheck, true, "Number of name server addresses that answered rightly.", nil},
	mZoneSignature:   {"watchpost_zone_signature_left_seconds", gauge, PerCheck, true, "Time until the earliest signature of the zone ends.", nil},
	mZoneQueries:     {"watchpost_zone_queries", gauge, PerCheck, false, "Number of queries that the newest look sent.", nil},
	mServerSecure:    {"watchpost_zone_server_secure", gauge, PerCheck, true, "Whether the answers of one name server address validated with DNSSEC; absent when that could not be told. At most 16 addresses a check.", []string{"server", "address"}},
	mServerLag:       {"watchpost_zone_server_serial_lag", gauge, PerCheck, true, "How far the zone's serial at one name server address lies behind the newest (RFC 1982). At most 16 addresses a check.", []string{"server", "address"}},
	mRegistration:    {"watchpost_registration_expiry_timestamp_seconds", gauge, PerCheck, true, "When the registration of the domain ends, in Unix seconds.", nil},
	mProbeReason:     {"watchpost_probe_reason_info", gauge, OnProbe, false, "Why a look over /probe did not succeed, a word of the closed list of reasons.", []string{"reason"}},

	mProbeTimeout: {"probe_timeout_seconds", gauge, OnProbe, false, "The timeout that the look over /probe had.", nil},

	mUnitInfo:    {"watchpost_unit_info", gauge, PerPlace, true, "A unit and its name for people.", []string{"unit", "name"}},
	mSystemInfo:  {"watchpost_system_info", gauge, PerPlace, true, "A system, its name for people, security level and owner.", []string{"unit", "system", "name", "level", "owner"}},
	mMaintenance: {"watchpost_maintenance", gauge, PerPlace, true, "Whether a planned maintenance window of the system is open.", []string{"unit", "system"}},

	mDependsOn: {"watchpost_depends_on", gauge, PerPlace, true, "The system (unit, system) cannot work without another (on_unit, on_system).", []string{"unit", "system", "on_unit", "on_system"}},

	mUplinkUp:           {"watchpost_uplink_up", gauge, Own, true, "Whether enough anchors of this vantage answer; absent without anchors.", []string{"vantage"}},
	mUplinkAnchorUp:     {"watchpost_uplink_anchor_up", gauge, Own, true, "Whether one anchor answers.", []string{"anchor", "vantage"}},
	mObservations:       {"watchpost_observations_total", counter, Own, true, "Looks by kind and raw verdict.", []string{"kind", "verdict"}},
	mLookDuration:       {"watchpost_look_duration_seconds", histogram, Own, true, "Duration of looks by kind; a native histogram where the scraper takes one.", []string{"kind"}},
	mFindingsDropped:    {"watchpost_findings_dropped_total", counter, Own, true, "Findings that are no series because a check had more than 64 at once.", nil},
	mScheduleChecks:     {"watchpost_schedule_checks", gauge, Own, true, "Number of checks on the schedule.", nil},
	mScheduleInFlight:   {"watchpost_schedule_looks_in_flight", gauge, Own, true, "Number of looks under way.", nil},
	mScheduleQueued:     {"watchpost_schedule_looks_queued", gauge, Own, true, "Number of looks whose turn has come and that wait for a slot.", nil},
	mScheduleZombies:    {"watchpost_schedule_zombies", gauge, Own, true, "Number of probes that lost their slot and have not come back.", nil},
	mScheduleRuns:       {"watchpost_schedule_looks_total", counter, Own, true, "Looks begun.", nil},
	mScheduleOverruns:   {"watchpost_schedule_overruns_total", counter, Own, true, "Looks whose probe missed its deadline.", nil},
	mSchedulePanics:     {"watchpost_schedule_panics_total", counter, Own, true, "Looks whose probe panicked.", nil},
	mScheduleCanceled:   {"watchpost_schedule_canceled_total", counter, Own, true, "Looks thrown away by a stop or a reload.", nil},
	mScheduleJumps:      {"watchpost_schedule_clock_jumps_total", counter, Own, true, "Jumps of the clock and stalls of the machine.", nil},
	mScheduleBlinded:    {"watchpost_schedule_blinded_total", counter, Own, true, "Looks turned Unknown because the uplink was lost.", nil},
	mScheduleSinkPanics: {"watchpost_schedule_sink_panics_total", counter, Own, true, "Receivers that panicked on an observation: a defect of watchpost.", nil},
	mScheduleDelay:      {"watchpost_schedule_delay_seconds_total", counter, Own, true, "Sum of the times between a look's turn and its beginning.", nil},
	mScheduleDelayMax:   {"watchpost_schedule_delay_max_seconds", gauge, Own, true, "Longest time between a look's turn and its beginning since the start.", nil},
	mReloadOK:           {"watchpost_config_last_reload_successful", gauge, Own, true, "Whether the last reload of the configuration was successful.", nil},
	mReloadAt:           {"watchpost_config_last_reload_success_timestamp_seconds", gauge, Own, true, "When the configuration was last loaded with success, in Unix seconds.", nil},
	mBuildInfo:          {"watchpost_build_info", gauge, Own, true, "The program that runs.", []string{"version", "revision", "goversion"}},

	mHistoryDegraded: {"watchpost_history_degraded", gauge, Own, true, "Whether the history can not write to its disk and keeps the newest samples in memory.", nil},
	mHistoryFailures: {"watchpost_history_append_failures_total", counter, Own, true, "Batches of samples that the disk refused; they are in memory.", nil},
	mHistoryDropped:  {"watchpost_history_dropped_total", counter, Own, true, "Looks that the history lost because its queue was full.", nil},
	mHistoryRejected: {"watchpost_history_rejected_samples_total", counter, Own, true, "Samples refused because they are too old or contradict one of the same time.", nil},
	mHistorySamples:  {"watchpost_history_samples_total", counter, Own, true, "Samples taken by the history.", nil},
	mHistoryMemory:   {"watchpost_history_memory_samples", gauge, Own, true, "Samples that are in memory only.", nil},
	mStorageFree:     {"watchpost_storage_free_bytes", gauge, Own, true, "Space that watchpost can still take on the disk of its history, in bytes.", nil},
	mStorageSize:     {"watchpost_storage_size_bytes", gauge, Own, true, "Size of the disk of its history, in bytes.", nil},
	mEvidenceDropped: {"watchpost_evidence_dropped_total", counter, Own, true, "Pieces of evidence that were lost because the disk was too slow or refused them.", nil},
	mEvidenceBytes:   {"watchpost_evidence_bytes", gauge, Own, true, "Size of the evidence store in bytes.", nil},
	mReasonWords:     {"watchpost_reason_words_info", gauge, Own, true, "A reason in Vietnamese, for the texts of alerts: words for people, short without accents for an SMS.", []string{"reason", "words", "short"}},
}

// String is the metric's name.
func (m metric) String() string { return table[m].name }

// labels are all labels of the metric, without vantage where it has none.
func (m metric) labels() []string {
	if table[m].scope != PerCheck {
		return table[m].extra
	}
	return append(checkLabels(), table[m].extra...)
}

// Catalogue lists every metric of watchpost's own, sorted by name. Those of
// the engines (prometheus_*, alertmanager_*), of the
// store (prometheus_tsdb_*) and of the runtime (go_*, process_*) are not in it.
func Catalogue() []MetricDoc {
	var out []MetricDoc
	for m := mNone + 1; m < metricCount; m++ {
		r := table[m]
		out = append(out, MetricDoc{Name: r.name, Type: r.kind, Labels: m.labels(), Help: r.help, Scope: r.scope, History: r.history})
	}
	slices.SortFunc(out, func(a, b MetricDoc) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}
