package show

import (
	"strings"

	"watchpost.example/probes"
)

// Lang is a language of the output.
type Lang string

// The languages.
const (
	Vietnamese Lang = "vi"
	English    Lang = "en"
)

// said is one Reason in words: what it means, and the first thing to do.
type said struct{ vi, viDo, en, enDo string }

// Explain says a reason in one sentence without final stop, and the first thing
// that the officer on duty should do. A Reason that is not in the dictionary
// gives its own word and general advice; OK gives "all is well". Any language
// but English is Vietnamese.
func Explain(r probes.Reason, lang Lang) (title, whatToDo string) {
	s, ok := lookup(r)
	if !ok {
		s = unexplained(r)
	}
	if lang == English {
		return s.en, s.enDo
	}
	return s.vi, s.viDo
}

// Explained tells whether the dictionary has an entry of its own for r.
func Explained(r probes.Reason) bool {
	_, ok := lookup(r)
	return ok
}

// lookup finds the entry. Reasons are told apart by their first word, so that
// each list stands by itself.
func lookup(r probes.Reason) (said, bool) {
	var s said
	switch {
	case r == probes.OK:
		return said{"hoạt động bình thường", "không cần làm gì", "all is well", "nothing to do"}, true
	case r.Ours():
		s = oursWords(r)
	case strings.HasPrefix(string(r), "dns_"):
		s = dnsWords(r)
	case strings.HasPrefix(string(r), "tls_"):
		if s = tlsWords(r); s.vi == "" {
			s = tlsFormWords(r)
		}
	case strings.HasPrefix(string(r), "http_"):
		s = httpWords(r)
	default:
		s = otherWords(r)
	}
	return s, s.vi != ""
}

// unexplained is the entry of a reason that a kind declares for itself.
func unexplained(r probes.Reason) said {
	word := strings.ReplaceAll(Safe(string(r), 64), "_", " ")
	return said{
		"phát hiện: " + word, "mở sổ tay xử lý của lý do này rồi báo đầu mối của đơn vị",
		"found: " + word, "open the runbook of this reason, then tell the unit's contact",
	}
}

func oursWords(r probes.Reason) said {
	switch r {
	case probes.OursOverrun:
		return said{
			"phép kiểm tra của watchpost không trả về đúng hạn; chưa biết tình trạng hệ thống", "báo bộ phận quản trị watchpost; tự mở thử hệ thống bằng trình duyệt",
			"a probe of watchpost did not come back in time; the system's state is not known", "tell whoever runs watchpost; try the system by hand",
		}
	case probes.OursPanic:
		return said{
			"phép kiểm tra của watchpost gặp lỗi chương trình; chưa biết tình trạng hệ thống", "báo bộ phận quản trị watchpost kèm nhật ký; tự mở thử hệ thống",
			"a probe of watchpost crashed; the system's state is not known", "send the log to whoever runs watchpost; try the system by hand",
		}
	case probes.OursNoRoute:
		return said{
			"máy giám sát không có đường đi tới địa chỉ này", "kiểm tra cổng mặc định và IPv6 của máy giám sát",
			"this machine has no route to the address", "check the default gateway and IPv6 of the monitoring machine",
		}
	case probes.OursResolver:
		return said{
			"máy chủ phân giải tên miền của ta không trả lời", "kiểm tra máy chủ phân giải trong cấu hình watchpost",
			"our own resolver does not answer", "check the resolvers named in watchpost's configuration",
		}
	case probes.OursSockets:
		return said{
			"máy giám sát hết cổng, bộ đệm hoặc số tệp được mở", "tăng LimitNOFILE hoặc giảm số phép kiểm tra cùng lúc",
			"the monitoring machine is out of sockets, buffers or descriptors", "raise LimitNOFILE or make fewer checks at a time",
		}
	case probes.OursPermission:
		return said{
			"hệ điều hành của máy giám sát không cho phép kiểu gói tin này", "cấp CAP_NET_RAW hoặc mở net.ipv4.ping_group_range; kiểm tra tường lửa của máy giám sát",
			"the monitoring machine's kernel forbids this kind of packet", "grant CAP_NET_RAW or open net.ipv4.ping_group_range; check the machine's own firewall",
		}
	case probes.OursUplink:
		return said{
			"đường truyền của điểm giám sát bị mất; chưa biết tình trạng hệ thống", "kiểm tra đường truyền Internet của trung tâm trước, không gọi cho đơn vị",
			"our own uplink is lost; the system's state is not known", "check the centre's Internet line first; do not call the unit",
		}
	case probes.OursRestart:
		return said{
			"chưa kiểm tra lại từ khi watchpost khởi động", "chờ lượt kiểm tra đầu tiên",
			"not looked at since watchpost started", "wait for the first look",
		}
	case probes.OursClock:
		return said{
			"đồng hồ của máy giám sát bị nhảy hoặc máy bị treo trong lúc kiểm tra", "kiểm tra NTP và tải của máy giám sát",
			"the monitoring machine's clock jumped, or it stood still", "check NTP and the load of the monitoring machine",
		}
	case probes.OursBlocked:
		return said{
			"địa chỉ này nằm trong dải bị cấm kiểm tra", "nếu đúng là cần giám sát, thêm mạng đó vào danh sách cho phép",
			"the guard forbids asking this address", "if it is meant, add its network to the allow list",
		}
	case probes.OursCanceled:
		return said{
			"lượt kiểm tra bị dừng giữa chừng do nạp lại cấu hình hoặc tắt dịch vụ", "chờ lượt kiểm tra kế tiếp",
			"the look was cut short by a reload or a stop", "wait for the next look",
		}
	}
	return said{}
}

func dnsWords(r probes.Reason) said {
	switch r {
	case probes.DNSNXDomain:
		return said{
			"tên miền không tồn tại", "kiểm tra tên miền còn hạn đăng ký và còn được uỷ quyền không; báo nhà đăng ký",
			"the name does not exist", "check that the domain is still registered and delegated; call the registrar",
		}
	case probes.DNSNoAddress:
		return said{
			"tên miền có nhưng không có địa chỉ", "kiểm tra bản ghi A, AAAA vừa bị sửa hoặc xoá trong vùng tên miền",
			"the name exists but has no address", "check whether the A or AAAA record was changed or removed",
		}
	case probes.DNSServFail:
		return said{
			"máy chủ tên miền báo lỗi (SERVFAIL)", "kiểm tra chữ ký DNSSEC và các máy chủ tên miền của vùng",
			"the name servers fail (SERVFAIL)", "check the zone's DNSSEC signatures and its name servers",
		}
	case probes.DNSRefused:
		return said{
			"máy chủ tên miền từ chối trả lời (REFUSED)", "kiểm tra vùng còn được nạp trên máy chủ đó không",
			"the name server refuses (REFUSED)", "check that the server still loads the zone",
		}
	case probes.DNSTimeout:
		return said{
			"máy chủ tên miền không trả lời", "kiểm tra máy chủ tên miền và tường lửa cổng 53 (UDP và TCP)",
			"the name server does not answer", "check the server and the firewall on port 53, UDP and TCP",
		}
	case probes.DNSRcode:
		return said{
			"máy chủ tên miền trả mã khác mong đợi", "đối chiếu với cấu hình vùng tên miền",
			"the name server gives another code than expected", "compare with the zone's configuration",
		}
	case probes.DNSAnswer:
		return said{
			"bản ghi tên miền khác với bản ghi đã duyệt", "đối chiếu ngay với đơn vị: có thể tên miền bị chiếm quyền điều khiển",
			"the records are not the approved ones", "ask the unit at once: the domain may have been hijacked",
		}
	case probes.DNSGarbage:
		return said{
			"câu trả lời DNS không đọc được hoặc không khớp câu hỏi", "kiểm tra thiết bị trung gian can thiệp cổng 53",
			"the DNS reply can't be read or answers another question", "look for a device that meddles with port 53",
		}
	case probes.DNSTruncated:
		return said{
			"câu trả lời DNS bị cắt và không lấy được qua TCP", "mở cổng 53 TCP trên máy chủ tên miền",
			"the DNS reply is cut and TCP does not work", "open TCP port 53 on the name server",
		}
	case probes.DNSSerialLag:
		return said{
			"một máy chủ tên miền phụ chưa cập nhật dữ liệu mới", "kiểm tra việc chuyển vùng (AXFR, NOTIFY, TSIG) từ máy chủ chính",
			"one name server stays behind the others", "check the zone transfer (AXFR, NOTIFY, TSIG) from the primary",
		}
	}
	return said{}
}
