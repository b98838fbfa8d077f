package show

import "watchpost.example/probes"

func tlsWords(r probes.Reason) said {
	switch r {
	case probes.TLSHandshake:
		return said{
			"không bắt tay được TLS với máy chủ", "xem nhật ký máy chủ web; thử nạp lại dịch vụ",
			"the TLS handshake fails", "read the web server's log; try reloading the service",
		}
	case probes.TLSTimeout:
		return said{
			"máy chủ nhận kết nối nhưng không bắt tay TLS đúng hạn", "kiểm tra tải của máy chủ và thiết bị cân bằng tải",
			"the server takes the connection but does not shake hands in time", "check the load of the server and the balancer before it",
		}
	case probes.TLSExpired:
		return said{
			"chứng thư số đã hết hạn", "gia hạn và cài chứng thư số mới, rồi nạp lại máy chủ web",
			"the certificate has expired", "renew and install the certificate, then reload the web server",
		}
	case probes.TLSNotYet:
		return said{
			"chứng thư số chưa đến ngày có hiệu lực", "kiểm tra giờ máy chủ và chứng thư số vừa cài",
			"the certificate is not valid yet", "check the server's clock and the certificate just installed",
		}
	case probes.TLSExpiring:
		return said{
			"chứng thư số sắp hết hạn", "gia hạn chứng thư số trước ngày hết hạn; kiểm tra việc tự gia hạn",
			"the certificate ends soon", "renew it before that day; check the automatic renewal",
		}
	case probes.TLSHost:
		return said{
			"chứng thư số cấp cho tên khác", "cài đúng chứng thư số có tên miền này; kiểm tra cấu hình máy chủ ảo",
			"the certificate is for another name", "install the one that has this name; check the virtual host",
		}
	case probes.TLSSelfSigned:
		return said{
			"chứng thư số tự ký, không ai bảo đảm", "thay bằng chứng thư số của tổ chức được tin cậy",
			"the certificate is self-signed", "replace it by one of a trusted authority",
		}
	case probes.TLSUntrusted:
		return said{
			"chứng thư số do tổ chức không được tin cậy cấp", "thay chứng thư số; nếu bất ngờ, kiểm tra khả năng bị giả mạo",
			"the certificate's root is not trusted", "replace it; if it comes as a surprise, suspect an impostor",
		}
	case probes.TLSChain:
		return said{
			"máy chủ thiếu chứng thư số trung gian", "cài đủ chuỗi (fullchain) trên máy chủ",
			"an intermediate certificate is missing", "install the full chain on the server",
		}
	case probes.TLSCertsDiffer:
		return said{
			"các địa chỉ của cùng tên miền dùng chứng thư số khác nhau", "cài cùng một chứng thư số cho mọi máy chủ",
			"the addresses of one name show different certificates", "install the same certificate on every server",
		}
	}
	return said{}
}

// tlsFormWords is what is wrong with the form of TLS rather than with trust.
func tlsFormWords(r probes.Reason) said {
	switch r {
	case probes.TLSLegacyOnly:
		return said{
			"máy chủ chỉ dùng TLS quá cũ, trình duyệt ngày nay từ chối", "bật TLS 1.2 và 1.3 trên máy chủ",
			"the server speaks only TLS that is too old", "enable TLS 1.2 and 1.3 on the server",
		}
	case probes.TLSChainOrder:
		return said{
			"chuỗi chứng thư số sắp sai thứ tự", "xếp lại: chứng thư số máy chủ trước, rồi đến trung gian",
			"the chain is presented out of order", "put the server's certificate first, then the intermediates",
		}
	case probes.TLSWeakKey:
		return said{
			"khoá của chứng thư số quá yếu", "cấp lại với RSA từ 2048 bit hoặc ECDSA P-256",
			"the certificate's key is too weak", "have it reissued with RSA 2048 or more, or ECDSA P-256",
		}
	case probes.TLSWeakSig:
		return said{
			"chứng thư số ký bằng thuật toán đã lỗi thời", "cấp lại chứng thư số với SHA-256",
			"the chain is signed with SHA-1 or MD5", "have it reissued with SHA-256",
		}
	case probes.TLSProtocol:
		return said{
			"kết nối dùng phiên bản TLS cũ", "tắt TLS 1.0 và 1.1, bật TLS 1.2 trở lên",
			"an old version of TLS was negotiated", "disable TLS 1.0 and 1.1, enable 1.2 and above",
		}
	case probes.TLSPlaintext:
		return said{
			"cổng này không nói TLS", "kiểm tra số cổng và cấu hình TLS của dịch vụ",
			"the server does not speak TLS on this port", "check the port and the service's TLS configuration",
		}
	case probes.TLSStartTLS:
		return said{
			"máy chủ từ chối STARTTLS", "bật STARTTLS trên máy chủ thư; kiểm tra thiết bị lọc thư",
			"STARTTLS is refused or broken", "enable STARTTLS; look for a filter that strips it",
		}
	}
	return said{}
}

func otherWords(r probes.Reason) said {
	switch r {
	case probes.TCPRefused:
		return said{
			"máy chủ từ chối kết nối", "kiểm tra dịch vụ có đang chạy và tường lửa của máy chủ",
			"the server refuses the connection", "check that the service runs, and the server's firewall",
		}
	case probes.TCPTimeout:
		return said{
			"không kết nối được tới máy chủ trong thời gian chờ", "kiểm tra máy chủ có bật, đường truyền và tường lửa của đơn vị",
			"no connection within the time allowed", "check that the server is on, the unit's line and firewall",
		}
	case probes.TCPReset:
		return said{
			"kết nối bị máy chủ hoặc thiết bị trung gian ngắt", "xem nhật ký dịch vụ và thiết bị bảo vệ (WAF, IPS)",
			"the connection was reset", "read the log of the service and of the WAF or IPS before it",
		}
	case probes.TCPClosed:
		return said{
			"máy chủ đóng kết nối khi chưa trả lời đủ", "xem nhật ký dịch vụ; kiểm tra tải và giới hạn kết nối",
			"the server closed before it had answered", "read the service's log; check load and connection limits",
		}
	case probes.TCPUnreachable:
		return said{
			"thiết bị mạng báo không tới được máy chủ", "kiểm tra máy chủ có bật và định tuyến của đơn vị",
			"a router says that the host can't be reached", "check that the server is on, and the unit's routing",
		}
	case probes.TCPBanner:
		return said{
			"lời chào của dịch vụ khác mong đợi", "kiểm tra có đúng dịch vụ ở cổng này và dịch vụ có lỗi không",
			"the banner is not the expected one", "check that the right service listens there and is well",
		}
	case probes.ICMPTimeout:
		return said{
			"máy không trả lời ping", "xem các phép kiểm tra khác của hệ thống: ping có thể chỉ bị chặn",
			"no reply to ping", "look at the system's other checks: ping may merely be filtered",
		}
	case probes.ICMPUnreachable:
		return said{
			"thiết bị mạng báo không tới được máy", "kiểm tra máy có bật và định tuyến của đơn vị",
			"the network says that the host can't be reached", "check that the host is on, and the unit's routing",
		}
	case probes.ICMPLoss:
		return said{
			"mất một phần gói tin ping", "kiểm tra đường truyền bị nghẽn hoặc chập chờn",
			"some of the echo requests are lost", "check the line for congestion or errors",
		}
	case probes.PartlyDown:
		return said{
			"một số địa chỉ của hệ thống hỏng, số còn lại vẫn trả lời", "tìm máy chủ hỏng theo địa chỉ bên dưới và đưa ra khỏi cụm",
			"some addresses fail, others answer", "find the broken server by its address below and take it out of rotation",
		}
	}
	return said{}
}

func httpWords(r probes.Reason) said {
	switch r {
	case probes.HTTPStatus:
		return said{
			"trang trả mã lỗi", "xem nhật ký ứng dụng web; mã 5xx là lỗi máy chủ, 4xx là đường dẫn hoặc quyền",
			"the page answers with an error status", "read the application's log: 5xx is the server, 4xx the path or a right",
		}
	case probes.HTTPBody:
		return said{
			"nội dung trang khác mong đợi", "mở trang xem ngay: có thể bị thay đổi giao diện trái phép hoặc ứng dụng lỗi",
			"the page is not as expected", "open it at once: it may be defaced, or the application broken",
		}
	case probes.HTTPHeader:
		return said{
			"tiêu đề HTTP khác mong đợi", "kiểm tra cấu hình máy chủ web vừa thay đổi",
			"a header is not as expected", "check what changed in the web server's configuration",
		}
	case probes.HTTPTimeout:
		return said{
			"máy chủ nhận yêu cầu nhưng không trả trang đúng hạn", "kiểm tra tải của ứng dụng và cơ sở dữ liệu",
			"the server took the request and did not answer in time", "check the load of the application and its database",
		}
	case probes.HTTPProtocol:
		return said{
			"câu trả lời không phải HTTP", "kiểm tra đúng cổng và đúng dịch vụ",
			"the answer is not HTTP", "check that it is the right port and service",
		}
	case probes.HTTPTooLarge:
		return said{
			"trang hoặc tiêu đề lớn quá giới hạn", "kiểm tra trang có bị chèn nội dung; nếu đúng thì tăng giới hạn",
			"the page or its headers are over the limit", "look for injected content; if it is meant, raise the limit",
		}
	case probes.HTTPRedirect:
		return said{
			"chuyển hướng vòng lặp, quá nhiều hoặc tới nơi bị cấm", "kiểm tra quy tắc chuyển hướng; cảnh giác trang bị dẫn đi nơi khác",
			"redirects loop, are too many, or lead where they must not", "check the redirect rules; beware of a hijack",
		}
	case probes.HTTPDowngrade:
		return said{
			"trang https chuyển hướng về http không mã hoá", "sửa quy tắc chuyển hướng để giữ https",
			"https redirects to plain http", "mend the redirect so that it keeps https",
		}
	case probes.HTTPSlow:
		return said{
			"trang trả lời chậm hơn mức cho phép", "kiểm tra tải của máy chủ, cơ sở dữ liệu và đường truyền",
			"the page is slower than allowed", "check the load of server and database, and the line",
		}
	case probes.HTTPEarlyEnd:
		return said{
			"trang bị ngắt giữa chừng", "xem nhật ký máy chủ web và thiết bị trung gian",
			"the page ended before its length", "read the log of the web server and what stands before it",
		}
	case probes.HTTPBadEncode:
		return said{
			"nội dung nén không giải được", "kiểm tra cấu hình nén (gzip, br) của máy chủ web",
			"the compressed body can't be read", "check the compression settings of the web server",
		}
	}
	return said{}
}
