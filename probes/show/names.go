package show

import (
	"strconv"

	"watchpost.example/probes"
)

// FactNames is the name of every fact in the JSON, stable, with its unit where
// it has one.
func factName(n probes.FactName) string {
	if int(n) < len(factNames) && factNames[n] != "" {
		return factNames[n]
	}
	return "fact_" + strconv.Itoa(int(n))
}

// factNames is written once, here.
var factNames = [...]string{
	probes.FactIPProtocol:           "ip_protocol",
	probes.FactIPAddrHash:           "ip_addr_hash",
	probes.FactHTTPStatusCode:       "http_status_code",
	probes.FactHTTPContentLength:    "http_content_length_bytes",
	probes.FactHTTPUncompressedSize: "http_uncompressed_size_bytes",
	probes.FactHTTPRedirects:        "http_redirects",
	probes.FactHTTPSSL:              "http_ssl",
	probes.FactHTTPVersion:          "http_version",
	probes.FactHTTPLastModified:     "http_last_modified_timestamp_seconds",
	probes.FactHTTPFailedRegexp:     "http_failed_regexp",

	probes.FactTCPFailedExpect: "tcp_failed_expect",

	probes.FactTLSVersion:              "tls_version",
	probes.FactTLSCipher:               "tls_cipher",
	probes.FactTLSEarliestExpiry:       "tls_earliest_expiry_timestamp_seconds",
	probes.FactTLSLeafNotBefore:        "tls_leaf_not_before_timestamp_seconds",
	probes.FactTLSLeafNotAfter:         "tls_leaf_not_after_timestamp_seconds",
	probes.FactTLSLastChainExpiry:      "tls_last_chain_expiry_timestamp_seconds",
	probes.FactTLSLeafLifetimeFraction: "tls_leaf_lifetime_left_ratio",

	probes.FactDNSAnswerRRs:     "dns_answer_rrs",
	probes.FactDNSAuthorityRRs:  "dns_authority_rrs",
	probes.FactDNSAdditionalRRs: "dns_additional_rrs",
	probes.FactDNSRcode:         "dns_rcode",
	probes.FactDNSSerial:        "dns_serial",
	probes.FactDNSQuerySuccess:  "dns_query_succeeded",

	probes.FactICMPReplyHopLimit: "icmp_reply_hop_limit",
	probes.FactICMPRTT:           "icmp_rtt_seconds",
	probes.FactICMPLossRatio:     "icmp_loss_ratio",

	probes.FactZoneSecure:         "zone_secure",
	probes.FactZoneServers:        "zone_servers",
	probes.FactZoneServersOK:      "zone_servers_ok",
	probes.FactZoneSignatureLeft:  "zone_signature_left_seconds",
	probes.FactZoneQueries:        "zone_queries",
	probes.FactRegistrationExpiry: "registration_expiry_timestamp_seconds",
}

// words are the headings of the text in one language.
type words struct {
	verdict                                                             [4]string
	reason, detail, do, address, took, chain, answers, hops, findings   string
	expected, found, record, where, daysLeft, expired, notYet, issuedBy string
	severity                                                            [4]string
	more                                                                string
	phase                                                               [5]string
}

func wordsOf(l Lang) words {
	if l == English {
		return words{
			verdict: [4]string{"UNKNOWN", "UP", "DEGRADED", "DOWN"},
			reason:  "reason", detail: "detail", do: "do first", address: "address", took: "took", chain: "certificates",
			answers: "DNS answers", hops: "redirects", findings: "findings", expected: "expected", found: "found",
			record: "record", where: "where", daysLeft: "%d days left", expired: "expired %d days ago", notYet: "not valid yet", issuedBy: "issued by",
			severity: [4]string{"note", "ticket", "today", "page now"}, more: "and %d more",
			phase: [5]string{"resolve", "connect", "tls", "processing", "transfer"},
		}
	}
	return words{
		verdict: [4]string{"KHÔNG RÕ", "HOẠT ĐỘNG", "SUY GIẢM", "MẤT KẾT NỐI"},
		reason:  "lý do", detail: "chi tiết", do: "việc cần làm", address: "địa chỉ", took: "thời gian", chain: "chứng thư số",
		answers: "bản ghi DNS", hops: "chuyển hướng", findings: "phát hiện", expected: "mong đợi", found: "thực tế",
		record: "bản ghi", where: "nơi", daysLeft: "còn %d ngày", expired: "hết hạn %d ngày trước", notYet: "chưa có hiệu lực", issuedBy: "cấp bởi",
		severity: [4]string{"ghi nhận", "ngày làm việc tới", "trong ca trực", "xử lý ngay"}, more: "và %d mục nữa",
		phase: [5]string{"phân giải", "kết nối", "bắt tay TLS", "xử lý", "truyền"},
	}
}
