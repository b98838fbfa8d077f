package tongue

// The two catalogues have the same keys, with the same arguments in the same
// order; nobody writes them after the start. Officials' Vietnamese: cán bộ
// trực, ca trực, trưởng ca, tiếp nhận, báo cáo cấp trên.

var vietnamese = map[string]string{
	"frame.title": "Trực giám sát", "frame.skip": "Đến nội dung", "frame.other": "English",
	"nav.label": "Trang", "nav.wall": "Màn hình", "nav.incidents": "Sự cố", "nav.duty": "Lịch trực", "nav.out": "Đăng xuất",

	"status.open": "● Chưa tiếp nhận", "status.acknowledged": "◐ Đã tiếp nhận", "status.resolved": "✓ Đã khôi phục", "status.closed": "■ Đã kết thúc", "status.merged": "↪ Đã gộp",
	"severity.critical": "Khẩn cấp", "severity.warning": "Cảnh báo", "severity.info": "Thông tin", "severity.test": "Kiểm tra máy", "drill": "DIỄN TẬP",
	"sent.queued": "chờ gửi", "sent.sending": "đang gửi", "sent.sent": "đã gửi", "sent.delivered": "máy đã nhận", "sent.answered": "đã nghe máy", "sent.acknowledged": "đã xác nhận",
	"sent.failed": "✗ KHÔNG gửi được", "sent.dropped": "không cần gửi nữa", "sent.repeat": "có thể lặp",

	"list.title": "Sự cố", "list.ill": "Hệ thống báo gọi đang có lỗi", "list.gap": "Không có ai trực từ %s.", "list.onduty": "Đang trực", "list.nobody": "không có ai", "list.deputy": "Trưởng ca",
	"list.none": "Không có sự cố đang mở.", "list.never": "Chưa có sự cố nào đã kết thúc.", "list.units": "%d đơn vị", "list.since": "Bắt đầu %s, đã %s.", "list.alerts": "%d cảnh báo.", "list.ended": "Không còn sự cố nào sau mục này.",
	"list.silenced": "Tạm dừng cảnh báo đến %s.", "list.next": "Báo tiếp lúc %s.",
	"list.past": "Đã qua", "list.code": "Mã", "list.begin": "Bắt đầu", "list.lasted": "Kéo dài", "list.unit": "Đơn vị", "list.status": "Trạng thái", "list.older": "Cũ hơn", "list.newest": "Mới nhất", "list.tools": "Kiểm tra và diễn tập", "list.person": "Người",
	"list.test": "Gọi thử người này", "list.test.why": "Gửi tin và gọi qua mọi kênh của một người; không ảnh hưởng sự cố đang mở.",
	"list.drill": "Diễn tập cả ca", "list.drill.why": "Báo cả ca trực như sự cố thật, mọi tin đều ghi DIỄN TẬP; lên đến đường dây nóng nếu không ai tiếp nhận.", "list.drill.sure": "Tôi đã báo trước cho đường dây nóng",
	"list.refresh": "Trang tự cập nhật mỗi 20 giây, lần cuối %s.",

	"in.title": "Sự cố %s", "in.by": "%s qua %s lúc %s", "in.began": "Bắt đầu %s.", "in.ended": "Kết thúc %s, kéo dài %s.", "in.lasts": "Đã %s.", "in.merged": "Gộp vào", "in.contact": "Đầu mối %s", "in.silenced": "Tạm dừng cảnh báo đến %s", "in.next": "Nếu không ai tiếp nhận, báo tiếp lúc %s", "in.again": "Nếu chưa khôi phục, báo lại lúc %s",
	"in.half": "Đã xác nhận: %s. Còn chờ người thứ hai.", "in.back": "Danh sách sự cố",
	"in.take": "Tiếp nhận", "in.up": "Chuyển cấp trên", "in.cannot": "Không xử lý được", "in.actions": "Việc cần làm",
	"in.alerts": "Cảnh báo", "in.firing": "đang xảy ra", "in.over": "đã hết", "in.from": "từ %s", "in.fromto": "từ %s đến %s", "in.evidence": "Bằng chứng, kết quả đo", "in.runbook": "Hướng dẫn xử lý", "in.cut": "và %d cảnh báo nữa không được liệt kê",
	"in.timeline": "Diễn biến", "in.pages": "Tin và cuộc gọi", "in.at": "Lúc", "in.who": "Người", "in.way": "Kênh", "in.result": "Kết quả", "in.nopages": "Chưa có tin hay cuộc gọi nào.",
	"in.note": "Ghi chú", "in.note.do": "Ghi", "in.reason": "Lý do", "in.silence": "Tạm dừng cảnh báo", "in.silence.why": "Khi bảo trì hoặc đã biết nguyên nhân. Hết giờ mà sự cố còn thì báo lại.", "in.silence.for": "Trong bao lâu", "in.silence.do": "Tạm dừng",
	"in.hours": "%d giờ", "in.close": "Kết thúc sự cố", "in.close.why": "Chỉ khi chắc chắn đã xong mà hệ thống chưa tự nhận ra. Nếu lỗi còn, sự cố mới sẽ được mở.", "in.close.do": "Kết thúc sự cố",

	"ack.title": "Tiếp nhận sự cố", "ack.incident": "Sự cố %s", "ack.test": "Kiểm tra máy", "ack.done": "Đã ghi nhận: %s tiếp nhận.", "ack.done.test": "Đã ghi nhận: máy của %s nhận được tin.", "ack.do": "Tôi tiếp nhận sự cố này", "ack.do.test": "Tôi nhận được", "ack.as": "Người tiếp nhận: %s",
	"ack.now": "Việc tiếp theo: mở hướng dẫn xử lý, gọi đầu mối của đơn vị, ghi chú kết quả.", "ack.used": "Liên kết này đã được dùng.", "ack.bad": "Liên kết không hợp lệ. Hãy mở lại từ tin nhắn, hoặc trả lời tin nhắn bằng A và mã số.", "ack.expired": "Liên kết đã hết hạn. Hãy đăng nhập trang trực hoặc trả lời tin nhắn bằng A và mã số.",
	"ack.gone": "Không còn sự cố này.", "ack.over": "Sự cố đã kết thúc, không cần tiếp nhận nữa.", "ack.stranger": "Người này không còn trong danh sách trực; liên kết không còn giá trị.", "ack.failed": "Chưa tiếp nhận được: %v. Hãy bấm lại, hoặc trả lời tin nhắn bằng A và mã số.", "ack.details": "Xem chi tiết (cần đăng nhập)", "ack.unsaved": "Đã tiếp nhận, nhưng chưa ghi được vào đĩa của máy giám sát: hãy báo quản trị.",

	"duty.title": "Lịch trực", "duty.now": "Đang trực", "duty.and": "và", "duty.span": "Ca từ %s đến %s.", "duty.nobody": "Không có ai trực lúc này.", "duty.deputy": "Trưởng ca", "duty.hotline": "Đường dây nóng", "duty.override": "%s trực thay %s: %s", "duty.mend": "Cần sửa trong thời gian tới",
	"duty.ahead": "Sắp tới", "duty.from": "Từ", "duty.to": "Đến", "duty.officers": "Cán bộ trực", "duty.change": "Thay ca", "duty.empty": "không có ai", "duty.none": "Lịch trực không có ca nào phía trước.", "duty.ics": "Tải lịch (.ics)",

	"login.title": "Đăng nhập", "login.head": "Đăng nhập trang trực", "login.name": "Tên", "login.password": "Mật khẩu", "login.do": "Đăng nhập", "login.wrong": "Sai tên hoặc mật khẩu.", "login.wait": "Sai quá nhiều lần từ máy này. Hãy chờ một phút rồi thử lại; điện thoại vẫn tiếp nhận được bằng tin nhắn.", "login.help": "Không đăng nhập được vẫn tiếp nhận được: trả lời tin nhắn A và mã số, hoặc bấm phím 1 khi nghe máy.",

	"error.title": "Chưa thực hiện được", "error.back": "Quay lại", "error.signin": "Cần đăng nhập.", "error.role": "Tài khoản này không có quyền làm việc đó.", "error.form": "Không đọc được biểu mẫu.", "error.stale": "Biểu mẫu đã cũ. Hãy quay lại, tải lại trang rồi bấm lại.", "error.site": "Yêu cầu từ trang khác bị từ chối.",
	"error.notfound": "Không có sự cố này.", "error.notlive": "Sự cố đã kết thúc.", "error.silence": "Chưa tạm dừng được: %v", "error.input": "Chưa đủ thông tin: %v", "error.other": "Lỗi: %v",

	"ill.disk": "đĩa không ghi được; tin và cuộc gọi vẫn đi", "ill.desk": "bộ phận báo gọi đứng im đã %s", "ill.watchdog": "không nhận được nhịp sống của bộ máy cảnh báo", "ill.nochannel": "chưa khai báo kênh nào", "ill.channels": "mọi kênh đều báo lỗi", "ill.stopped": "đã dừng",

	"roster.gap": "Không có ai trực từ %[2]s đến %[3]s: hãy thêm ca trực.", "roster.alone": "%[1]s trực một mình từ %[2]s đến %[3]s: hãy thêm người thứ hai.", "roster.overlap": "Hai ca chồng nhau từ %[2]s đến %[3]s: ca bắt đầu sau được tính.",
	"roster.long": "%[1]s trực liền quá 24 giờ, từ %[2]s đến %[3]s.", "roster.number": "%[1]s có số điện thoại hoặc địa chỉ không dùng được.", "roster.channel": "%[1]s chỉ có một kênh liên lạc hoặc không có: cần ít nhất hai (tin nhắn và gọi).", "roster.hotline": "Chưa có đường dây nóng gọi được: bước cuối không có ai.",
	"roster.deputy": "Không có trưởng ca từ %[2]s đến %[3]s.", "roster.twice": "%[1]s vừa là cán bộ trực vừa là trưởng ca từ %[2]s đến %[3]s.",
}

var english = map[string]string{
	"frame.title": "On call", "frame.skip": "To the content", "frame.other": "Tiếng Việt",
	"nav.label": "Pages", "nav.wall": "Wall", "nav.incidents": "Incidents", "nav.duty": "Roster", "nav.out": "Sign out",

	"status.open": "● Not taken", "status.acknowledged": "◐ Taken", "status.resolved": "✓ Recovered", "status.closed": "■ Closed", "status.merged": "↪ Folded",
	"severity.critical": "Critical", "severity.warning": "Warning", "severity.info": "Info", "severity.test": "Phone test", "drill": "DRILL",
	"sent.queued": "waits", "sent.sending": "being sent", "sent.sent": "sent", "sent.delivered": "delivered", "sent.answered": "answered", "sent.acknowledged": "acknowledged",
	"sent.failed": "✗ NOT sent", "sent.dropped": "no longer needed", "sent.repeat": "maybe a repeat",

	"list.title": "Incidents", "list.ill": "The pager itself is not well", "list.gap": "Nobody is on duty from %s.", "list.onduty": "On duty", "list.nobody": "nobody", "list.deputy": "Shift leader",
	"list.none": "No incident is open.", "list.never": "None has ended yet.", "list.units": "%d units", "list.since": "Since %s, %s ago.", "list.alerts": "Alerts: %d.", "list.ended": "No incident after this one.",
	"list.silenced": "Silenced until %s.", "list.next": "Next page at %s.",
	"list.past": "Past", "list.code": "Code", "list.begin": "Began", "list.lasted": "Lasted", "list.unit": "Unit", "list.status": "Status", "list.older": "Older", "list.newest": "Newest", "list.tools": "Tests and drills", "list.person": "Person",
	"list.test": "Test this person's phone", "list.test.why": "Sends to every channel of one person; open incidents are not touched.",
	"list.drill": "Drill the whole shift", "list.drill.why": "Pages the shift as a real incident would, marked DRILL everywhere; it climbs to the hotline when nobody takes it.", "list.drill.sure": "I have told the hotline beforehand",
	"list.refresh": "This page renews itself every 20 seconds, last at %s.",

	"in.title": "Incident %s", "in.by": "%s by %s at %s", "in.began": "Began %s.", "in.ended": "Ended %s, lasted %s.", "in.lasts": "For %s.", "in.merged": "Folded into", "in.contact": "Contact of %s", "in.silenced": "Silenced until %s", "in.next": "If nobody takes it, the next page goes out at %s", "in.again": "If it has not recovered, it pages again at %s",
	"in.half": "Acknowledged: %s. The second officer is still missing.", "in.back": "All incidents",
	"in.take": "Take it", "in.up": "Send it up", "in.cannot": "I cannot", "in.actions": "What to do",
	"in.alerts": "Alerts", "in.firing": "firing", "in.over": "over", "in.from": "since %s", "in.fromto": "from %s to %s", "in.evidence": "Evidence, measurements", "in.runbook": "Runbook", "in.cut": "and %d more alerts that are not listed",
	"in.timeline": "Timeline", "in.pages": "Messages and calls", "in.at": "At", "in.who": "Person", "in.way": "Channel", "in.result": "Result", "in.nopages": "No message or call yet.",
	"in.note": "Note", "in.note.do": "Write", "in.reason": "Reason", "in.silence": "Silence", "in.silence.why": "During maintenance, or when the cause is known. What still fires at the end pages again.", "in.silence.for": "For how long", "in.silence.do": "Silence it",
	"in.hours": "%d hours", "in.close": "Close", "in.close.why": "Only when it is surely over and the pager has not seen that. What still fires opens a new incident.", "in.close.do": "Close the incident",

	"ack.title": "Take an incident", "ack.incident": "Incident %s", "ack.test": "Phone test", "ack.done": "Noted: %s has taken it.", "ack.done.test": "Noted: the phone of %s works.", "ack.do": "I take this incident", "ack.do.test": "I received it", "ack.as": "Taken as %s",
	"ack.now": "Next: open the runbook, call the unit's contact, note what came of it.", "ack.used": "This link was used already.", "ack.bad": "This link is not valid. Open it again from the message, or reply A and the code to the message.", "ack.expired": "This link has expired. Sign in, or reply A and the code to the message.",
	"ack.gone": "This incident is no longer here.", "ack.over": "The incident is over; nobody needs to take it.", "ack.stranger": "This person is no longer in the roster; the link is worth nothing now.", "ack.failed": "Not taken: %v. Press again, or reply A and the code to the message.", "ack.details": "Details (sign in first)", "ack.unsaved": "Taken, but the pager's disk does not save it: tell the administrator.",

	"duty.title": "Roster", "duty.now": "On duty", "duty.and": "and", "duty.span": "Shift from %s to %s.", "duty.nobody": "Nobody is on duty now.", "duty.deputy": "Shift leader", "duty.hotline": "Hotline", "duty.override": "%s stands in for %s: %s", "duty.mend": "To be mended soon",
	"duty.ahead": "Ahead", "duty.from": "From", "duty.to": "To", "duty.officers": "Officers", "duty.change": "Changes", "duty.empty": "nobody", "duty.none": "The roster has no shift ahead.", "duty.ics": "Download (.ics)",

	"login.title": "Sign in", "login.head": "Sign in to on-call", "login.name": "Name", "login.password": "Password", "login.do": "Sign in", "login.wrong": "Wrong name or password.", "login.wait": "Too many failures from this machine. Wait a minute and try again; an SMS reply still acknowledges.", "login.help": "Without signing in you can still acknowledge: reply A and the code to the SMS, or press 1 in the call.",

	"error.title": "Not done", "error.back": "Back", "error.signin": "Sign in first.", "error.role": "This user may not do that.", "error.form": "The form could not be read.", "error.stale": "The form is out of date. Go back, load the page again and press again.", "error.site": "A request from another site is refused.",
	"error.notfound": "There is no such incident.", "error.notlive": "The incident is over.", "error.silence": "Not silenced: %v", "error.input": "Something is missing: %v", "error.other": "Error: %v",

	"ill.disk": "the disk refuses to save; pages go out all the same", "ill.desk": "the desk has not moved for %s", "ill.watchdog": "no heartbeat of watchdog", "ill.nochannel": "no channel is configured", "ill.channels": "every channel says that it does not work", "ill.stopped": "stopped",

	"roster.gap": "Nobody is on duty from %[2]s to %[3]s: add a shift.", "roster.alone": "%[1]s watches alone from %[2]s to %[3]s: name a second officer.", "roster.overlap": "Two shifts overlap from %[2]s to %[3]s: the later one counts.",
	"roster.long": "%[1]s watches more than 24 hours without a break, from %[2]s to %[3]s.", "roster.number": "%[1]s has a number or address that can't be used.", "roster.channel": "%[1]s can be reached by one channel or none: give at least two (SMS and voice).", "roster.hotline": "There is no hotline that can be called: the last step has nobody.",
	"roster.deputy": "No shift leader from %[2]s to %[3]s.", "roster.twice": "%[1]s is officer and shift leader from %[2]s to %[3]s.",
}
