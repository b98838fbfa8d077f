package zone

import (
	"strings"

	"watchpost.example/probes"
)

// Words says a reason in one line for people who are not DNS engineers, in
// Vietnamese ("vi") or English; "" for a reason that isn't of these kinds.
func Words(r probes.Reason, lang string) string {
	for line := range strings.Lines(dictionary) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
		if f[0] != string(r) {
			continue
		}
		if lang == "vi" {
			return f[1]
		}
		return f[2]
	}
	return ""
}

// dictionary has a line for each reason: Vietnamese, English.
const dictionary = `dns_parent_ns_changed | Máy chủ tên miền khai báo tại cấp trên khác với danh sách đã duyệt: có thể bị chiếm quyền tên miền | the parent's name servers are not the approved ones: perhaps a hijack
dns_parent_ds_changed | Bản ghi DS tại cấp trên khác với bản đã duyệt: có thể bị chiếm quyền tên miền | the parent's DS is not the approved one: perhaps a hijack
dns_parent_glue_changed | Địa chỉ máy chủ tên miền tại cấp trên khác với địa chỉ đã duyệt | a delegation address is not the approved one
dns_parent_differs | Các máy chủ của cấp trên trả lời không thống nhất về tên miền | the parent's servers disagree about the zone
dns_parent_broken | Vùng cấp trên không xác thực được (lỗi của cấp trên, không phải của đơn vị) | a zone above does not validate: its fault, not the unit's
dns_parent_unreachable | Không máy chủ nào của vùng cấp trên trả lời | no server of a zone above answers
dns_delegation_gone | Cấp trên không còn khai báo tên miền: hết hạn hoặc bị thu hồi? | the parent no longer knows the zone: expired or withdrawn?
dns_delegation_disjoint | Cấp trên và vùng không có máy chủ chung | parent and zone have no server in common
dns_ns_only_parent | Máy chủ chỉ có ở cấp trên, vùng không khai báo | only the parent names this server
dns_ns_only_child | Máy chủ chỉ có trong vùng, cấp trên không khai báo | only the zone names this server
dns_ns_single | Chỉ có một máy chủ tên miền hoặc một địa chỉ | one name server, or one address, only
dns_ns_alias | Tên máy chủ tên miền là bí danh (CNAME), không đúng chuẩn | a name server's name is an alias, which the standard forbids
dns_ns_unresolvable | Tên máy chủ tên miền không có địa chỉ | a name server's name has no address
dns_ns_invalid | Tên máy chủ tên miền không hợp lệ | a name server's name is no host name
dns_glue_missing | Cấp trên thiếu địa chỉ của máy chủ nằm trong vùng | the parent lacks the address of a server inside the zone
dns_glue_mismatch | Địa chỉ máy chủ tại cấp trên khác với địa chỉ trong vùng | the parent's address of a server is not the zone's
dns_address_private | Địa chỉ nội bộ: từ Internet không tới được | an address that the Internet does not route
dns_server_dead | Máy chủ tên miền không trả lời | the name server does not answer
dns_server_no_udp | Máy chủ chỉ trả lời qua TCP, không qua UDP | the server answers over TCP only
dns_server_no_tcp | Máy chủ không trả lời qua TCP cổng 53 | the server does not answer over TCP
dns_server_tc_no_tcp | Máy chủ cắt câu trả lời và không trả lời qua TCP | the server cuts its answers off and does not answer over TCP
dns_server_refused | Máy chủ từ chối trả lời cho tên miền này | the server refuses to answer for the zone
dns_server_servfail | Máy chủ báo lỗi SERVFAIL cho tên miền này | the server fails (SERVFAIL) for the zone
dns_server_rcode | Máy chủ trả về mã lỗi bất thường | the server gives an unusual error code
dns_server_no_aa | Máy chủ trả lời nhưng không có thẩm quyền với vùng | the server answers without authority
dns_server_upward | Máy chủ chỉ ngược lên cấp trên thay vì trả lời | the server refers upwards instead of answering
dns_server_no_soa | Máy chủ không có bản ghi SOA của vùng | the server has no SOA of the zone
dns_server_slow | Máy chủ trả lời chậm | the server answers slowly
dns_server_mismatch | Câu trả lời không khớp câu hỏi: máy chủ lỗi hoặc có kẻ chen vào đường truyền | replies to another question: a broken server or somebody on the path
dns_server_folds_case | Máy chủ xử lý chữ hoa, chữ thường không đúng chuẩn | the server minds or changes the case of the name asked for
dns_replies_differ | Một câu hỏi nhận được hai câu trả lời khác nhau: có dấu hiệu giả mạo | one query got two different replies: a sign of forgery
dns_transport_differs | UDP và TCP trả lời khác nhau | UDP and TCP answer differently
dns_edns_dropped | Máy chủ hoặc tường lửa không nhận truy vấn EDNS | queries with EDNS get lost: server or firewall
dns_edns_formerr | Máy chủ không hiểu EDNS | the server does not understand EDNS
dns_edns_missing | Máy chủ bỏ phần EDNS trong câu trả lời | the server leaves EDNS out of its replies
dns_edns_version | Máy chủ xử lý sai phiên bản EDNS | the server mishandles EDNS versions
dns_edns_echo | Máy chủ trả lại tùy chọn EDNS lạ thay vì bỏ qua | the server echoes an unknown EDNS option
dns_cookie_altered | Cookie DNS bị thay đổi trên đường truyền | our DNS cookie came back changed
dns_recursion_open | Máy chủ phân giải tên cho người lạ (dễ bị lợi dụng tấn công) | the server resolves names for strangers
dns_transfer_open | Máy chủ cho bất kỳ ai tải toàn bộ vùng | the server gives the whole zone to anybody
dns_serial_backwards | Số sê-ri của vùng bị lùi | the zone's serial went backwards
dns_serial_lag | Máy chủ phụ chưa cập nhật theo máy chủ chính | a server lags behind the newest version of the zone
dns_servers_differ | Các máy chủ trả lời khác nhau | the servers give different answers
dns_ns_sets_differ | Các máy chủ khai báo danh sách máy chủ khác nhau | the servers give different lists of servers
dns_record_changed | Nội dung bản ghi khác với nội dung đã duyệt | a record is not the approved one
dns_record_missing | Bản ghi đã duyệt không còn | an approved record is gone
dns_ns_changed | Danh sách máy chủ trong vùng khác với danh sách đã duyệt | the zone's own list of servers is not the approved one
dns_soa_changed | Thông tin quản trị của vùng (SOA) đã thay đổi | the zone's administrative data (SOA) changed
dns_dnskey_changed | Khóa của vùng thay đổi mà không có DS bảo chứng | the zone's keys changed and no DS vouches for them
dns_no_longer_secure | Tên miền không còn được DNSSEC bảo vệ | the zone is no longer protected by DNSSEC
dns_wildcard | Tên bất kỳ trong vùng cũng trả lời (bản ghi đại diện lạ) | names that nobody made answer: an unknown wildcard
dns_ttl_dropped | Thời gian lưu (TTL) bị hạ đột ngột: thường đi trước một thay đổi | the TTL was cut: often the eve of a change
dns_ttl_zero | Thời gian lưu (TTL) bằng 0 | a TTL of 0
dns_caa_weakened | Hạn chế cấp chứng thư số (CAA) bị nới lỏng hoặc xóa | the limit on who may issue certificates (CAA) was weakened
dns_spf_weak | Khai báo chống giả mạo thư (SPF) yếu hoặc sai | the mail protection SPF is weak or wrong
dns_dmarc_weak | Chính sách chống giả mạo thư (DMARC) yếu hoặc sai | the mail protection DMARC is weak or wrong
dns_dangling_target | Bản ghi trỏ tới tên không tồn tại | a record points at a name that does not exist
dns_dangling_domain | Bản ghi trỏ tới tên miền đang bỏ trống: kẻ xấu có thể đăng ký | a record points into a domain that anybody can register
dns_sig_soon | Chữ ký DNSSEC sắp hết hạn | DNSSEC signatures end soon
dns_server_unsigned | Một máy chủ có bản vùng không ký | one server has the zone without signatures
dns_sigs_stripped | Chữ ký DNSSEC bị mất trên đường truyền | DNSSEC signatures get lost on the way
dns_ds_stale | DS tại cấp trên không khớp khóa nào của vùng | a DS at the parent fits no key of the zone
dns_ds_missing | Vùng đã ký nhưng cấp trên chưa có DS | the zone is signed, its parent has no DS
dns_ds_digest_weak | DS chỉ dùng SHA-1, đã lỗi thời | the DS uses SHA-1 only, which is obsolete
dns_algorithm_weak | Thuật toán hoặc độ dài khóa DNSSEC yếu | a weak DNSSEC algorithm or short key
dns_nsec3_costly | Tham số NSEC3 gây tốn tài nguyên (RFC 9276) | NSEC3 parameters that cost and protect nothing (RFC 9276)
dns_nsec3_salt | NSEC3 dùng muối không cần thiết (RFC 9276) | an NSEC3 salt, which is of no use (RFC 9276)
dns_cds_mismatch | Vùng đề nghị cấp trên một DS không khớp khóa nào | the zone asks its parent for a DS that fits no key
dns_anchor_mismatch | Khóa gốc không khớp khóa tin cậy của hệ thống giám sát: cần kiểm tra cập nhật | the root's keys don't fit our trust anchor: is it up to date?
dns_resolver_differs | Một máy chủ phân giải trả lời khác máy chủ của đơn vị | a resolver says what no server of the zone says
dns_resolvers_differ | Nhiều máy chủ phân giải trả lời khác máy chủ của đơn vị | several resolvers say what no server of the zone says
dns_resolver_nxdomain | Máy chủ phân giải chế địa chỉ cho tên không tồn tại | a resolver makes up addresses for names that don't exist
dns_resolver_blocked | Máy chủ phân giải báo rằng nó chặn tên này theo chính sách | a resolver says that it filters the name
dns_resolver_bogus | Máy chủ phân giải không xác thực được tên này | a resolver can't validate the name
dns_resolver_dead | Máy chủ phân giải không trả lời | a resolver does not answer
dns_registration_soon | Đăng ký tên miền sắp hết hạn | the registration of the domain ends soon
dns_registration_expired | Đăng ký tên miền đã hết hạn | the registration of the domain has ended
dns_registration_unknown | Không rõ hạn đăng ký tên miền: thông tin nhập đã cũ | the end of the registration is not known: the entry is old
dns_registration_lock | Khóa bảo vệ tại nơi đăng ký đã bị gỡ | a lock at the registry is gone
dns_sig_missing | Bản ghi thiếu chữ ký DNSSEC | a record has no signature
dns_sig_expired | Chữ ký DNSSEC đã hết hạn | signatures have expired
dns_sig_not_yet | Chữ ký DNSSEC chưa có hiệu lực: đồng hồ máy ký sai? | signatures begin in the future: is the signer's clock right?
dns_sig_invalid | Chữ ký DNSSEC sai: nội dung bị sửa hoặc ký lỗi | a signature is wrong: tampered with, or badly signed
dns_sig_signer | Chữ ký không phải của vùng này | signed in the name of another zone
dns_sig_labels | Chữ ký có số nhãn sai | a signature with a wrong label count
dns_key_missing | Ký bằng khóa mà vùng không công bố | signed by a key that the zone does not publish
dns_key_revoked | Ký bằng khóa đã thu hồi | signed by a revoked key
dns_key_not_zone | Ký bằng khóa không phải khóa của vùng | signed by a key that is no zone key
dns_dnskey_missing | Cấp trên có DS nhưng vùng không có khóa | the parent has a DS, the zone has no keys
dns_dnskey_unsigned | Bộ khóa của vùng không được ký bởi khóa mà DS chỉ định | the key set is not signed by the key that the DS names
dns_dnskey_sig_expired | Chữ ký trên bộ khóa của vùng đã hết hạn | the signature over the key set has expired
dns_dnskey_sig_not_yet | Chữ ký trên bộ khóa của vùng chưa có hiệu lực | the signature over the key set begins in the future
dns_dnskey_sig_invalid | Chữ ký trên bộ khóa của vùng sai | the signature over the key set is wrong
dns_ds_no_key | DS tại cấp trên không khớp khóa nào của vùng | no key of the zone fits the parent's DS
dns_ds_digest | Mã băm trong DS không khớp khóa của vùng | the digest in the DS does not fit the key
dns_ds_algorithm | Thuật toán trong DS không khớp khóa của vùng | the algorithm in the DS does not fit the key
dns_denial_missing | Thiếu bằng chứng cho câu trả lời "không có" | a negative answer without its proof
dns_denial_unsigned | Bằng chứng "không có" không có chữ ký đúng | the proof of a negative answer has no valid signature
dns_denial_wrong | Bằng chứng "không có" không chứng minh điều được trả lời | the proof of a negative answer proves something else
dns_wildcard_unproof | Câu trả lời từ bản ghi đại diện thiếu bằng chứng | an answer from a wildcard without its proof
dns_alg_unsupported | DNSSEC dùng thuật toán chưa được hỗ trợ: coi như không ký | an algorithm that validators don't know: as good as unsigned
dns_nsec3_iterations | Số vòng NSEC3 quá lớn: phép chứng minh bị bỏ qua | too many NSEC3 iterations: validators ignore the proof
dns_work_limit | Vùng bắt kiểm tra quá nhiều chữ ký hoặc khóa | the zone makes validators work too much
dns_malformed | Bản ghi sai cấu trúc | records that no honest server sends
dns_garbage | Máy chủ trả về dữ liệu không phải DNS | what came is no DNS message
dns_timeout | Máy chủ không trả lời một số câu hỏi | some questions get no answer
`
