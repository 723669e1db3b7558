//! Events of each sender with the members that the sender's documentation shows, as many as it puts into one body.

use serde_json::{Value, json};

/// The senders that are measured.
pub(super) const SENDERS: [&str; 6] = ["bird", "mailgun", "postmark", "resend", "sendgrid", "ses"];

/// So many events in bodies. `SendGrid` and Firehose put several into one.
pub(super) fn of(sender: &str, events: usize, batch_size: usize) -> Vec<Vec<u8>> {
    let all: Vec<Value> = (0..events)
        .map(|number| Event::new(number).of(sender))
        .collect();
    match sender {
        "sendgrid" => {
            let batches = all.chunks(batch_size);
            batches
                .map(|batch| json!(batch).to_string().into_bytes())
                .collect()
        }
        "ses" => {
            let batches = all.chunks(batch_size);
            let lines = batches.map(|batch| batch.iter().map(|event| format!("{event}\n")));
            lines
                .map(|lines| lines.collect::<String>().into_bytes())
                .collect()
        }
        _ => all
            .iter()
            .map(|event| event.to_string().into_bytes())
            .collect(),
    }
}

const AGENT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15";
const REASON: &str = "550 5.1.1 The email account that you tried to reach does not exist";
const LINK: &str = "https://shop.example/tea?cup=5&utm_source=newsletter";

/// Deliveries, opens, clicks and bounces in turns.
struct Event {
    number: usize,
    kind: usize,
    to: String,
    second: usize,
    day: String,
}

impl Event {
    fn new(number: usize) -> Self {
        Self {
            number,
            kind: number % 4,
            to: format!("person-{number}@people.example"),
            second: 1_796_000_000 + number / 3,
            day: format!(
                "2026-11-{:02}T10:{:02}:{:02}",
                1 + number % 28,
                number % 60,
                number / 60 % 60
            ),
        }
    }

    fn of(&self, sender: &str) -> Value {
        match sender {
            "sendgrid" => self.sendgrid(),
            "ses" => self.ses(),
            "mailgun" => self.mailgun(),
            "postmark" => self.postmark(),
            "resend" => self.resend(),
            _ => self.bird(),
        }
    }

    fn sendgrid(&self) -> Value {
        let Self {
            number,
            kind,
            to,
            second,
            ..
        } = self;
        let mut event = json!({
            "email": to, "timestamp": second, "smtp-id": format!("<{number}.tea@shop.example>"),
            "event": (["delivered", "open", "click", "bounce"][*kind]), "category": ["newsletter", "tea"],
            "sg_event_id": format!("ZGVsaXZlcmVkLTAtMjEzNTA2-{number}"), "sg_message_id": format!("14c5d75ce93.dfd.64b469.{number}"),
            "ip": "192.0.2.17", "user_id": format!("u-{number}"), "order": "4711",
        });
        match *kind {
            0 => event["response"] = json!("250 2.0.0 OK"),
            3 => {
                event["reason"] = json!(REASON);
                event["status"] = json!("5.1.1");
                event["type"] = json!("bounce");
            }
            _ => {
                event["userAgent"] = json!(AGENT);
                event["url"] = json!(LINK);
                event["url_offset"] = json!({"index": 0, "type": "html"});
            }
        }
        event
    }

    fn ses(&self) -> Value {
        let Self {
            number,
            kind,
            to,
            day,
            ..
        } = self;
        let mail = json!({
            "timestamp": format!("{day}.012Z"), "source": "tea@shop.example", "messageId": format!("0100018f{number:08}-000000"),
            "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/shop.example", "sendingAccountId": "123456789012",
            "destination": [to], "headersTruncated": false,
            "headers": [{"name": "From", "value": "tea@shop.example"}, {"name": "To", "value": to}, {"name": "Subject", "value": "Tea at five"}],
            "commonHeaders": {"from": ["tea@shop.example"], "to": [to], "subject": "Tea at five", "messageId": format!("0100018f{number:08}")},
            "tags": {"ses:configuration-set": ["cistern"], "ses:source-ip": ["192.0.2.1"], "campaign_id": ["newsletter"]},
        });
        let at = format!("{day}.669Z");
        match *kind {
            0 => {
                json!({"eventType": "Delivery", "mail": mail, "delivery": {"timestamp": at, "processingTimeMillis": 657, "recipients": [to],
                    "smtpResponse": "250 2.6.0 Message received", "reportingMTA": "a8-53.smtp-out.amazonses.com"}})
            }
            1 => {
                json!({"eventType": "Open", "mail": mail, "open": {"timestamp": at, "ipAddress": "192.0.2.17", "userAgent": AGENT}})
            }
            2 => {
                json!({"eventType": "Click", "mail": mail, "click": {"timestamp": at, "ipAddress": "192.0.2.17", "userAgent": AGENT,
                    "link": LINK, "linkTags": null}})
            }
            _ => {
                json!({"eventType": "Bounce", "mail": mail, "bounce": {"timestamp": at, "bounceType": "Permanent", "bounceSubType": "General",
                    "feedbackId": format!("f-{number}"), "reportingMTA": "dsn; a8-53.smtp-out.amazonses.com",
                    "bouncedRecipients": [{"emailAddress": to, "action": "failed", "status": "5.1.1", "diagnosticCode": REASON}]}})
            }
        }
    }

    fn mailgun(&self) -> Value {
        let Self {
            number,
            kind,
            to,
            second,
            ..
        } = self;
        json!({
            "signature": {"timestamp": second.to_string(), "token": format!("{number:050}"), "signature": format!("{number:064x}")},
            "event-data": {
                "id": format!("CPgfbmQMTCKtHW6uIWtuVe-{number}"), "timestamp": f64::from(u32::try_from(*second).unwrap_or(0)) + 0.25,
                "event": (["delivered", "opened", "clicked", "failed"][*kind]), "log-level": "info", "severity": "permanent", "recipient": to,
                "recipient-domain": "people.example", "tags": ["newsletter", "tea"], "campaigns": [], "ip": "192.0.2.17", "url": LINK,
                "envelope": {"transport": "smtp", "sender": "tea@shop.example", "sending-ip": "192.0.2.1", "targets": to},
                "message": {"headers": {"to": to, "message-id": format!("{number}.tea@shop.example"), "from": "tea@shop.example", "subject": "Tea at five"},
                    "attachments": [], "size": 1111},
                "delivery-status": {"tls": true, "mx-host": "mx.people.example", "code": 250, "description": "", "session-seconds": 0.43,
                    "attempt-no": 1, "message": "OK", "certificate-verified": true},
                "client-info": {"client-type": "browser", "client-os": "iOS", "device-type": "mobile", "client-name": "Safari", "user-agent": AGENT},
                "geolocation": {"country": "DE", "region": "BE", "city": "Berlin"}, "user-variables": {"user_id": format!("u-{number}"), "order": "4711"},
            },
        })
    }

    fn postmark(&self) -> Value {
        let Self {
            number,
            kind,
            to,
            day,
            ..
        } = self;
        let (record, address, time) = [
            ("Delivery", "Recipient", "DeliveredAt"),
            ("Open", "Recipient", "ReceivedAt"),
            ("Click", "Recipient", "ReceivedAt"),
            ("Bounce", "Email", "BouncedAt"),
        ][*kind];
        json!({
            "RecordType": record, "ServerID": 23, "MessageStream": "outbound", "MessageID": format!("883953f4-6105-42a2-a16a-{number:012}"),
            address: to, "Tag": "newsletter", time: format!("{day}.3963933Z"), "Details": "smtp;250 2.0.0 OK", "Metadata": {"user_id": format!("u-{number}"), "order": "4711"},
            "FirstOpen": true, "UserAgent": AGENT, "Platform": "Mobile", "ReadSeconds": 5, "OriginalLink": LINK, "ClickLocation": "HTML",
            "Client": {"Name": "Safari 18", "Company": "Apple", "Family": "Safari"}, "OS": {"Name": "iOS 18", "Company": "Apple", "Family": "iOS"},
            "Geo": {"CountryISOCode": "DE", "Country": "Germany", "RegionISOCode": "BE", "City": "Berlin", "IP": "192.0.2.17", "Coords": "52.52,13.40"},
            "TypeCode": 1, "ID": 4_323_372_036_854_775_807_u64,
        })
    }

    fn resend(&self) -> Value {
        let Self {
            number,
            kind,
            to,
            day,
            ..
        } = self;
        let mut data = json!({
            "created_at": format!("{day}.894719+00:00"), "email_id": format!("56761188-7520-42d8-8898-{number:012}"), "from": "Tea <tea@shop.example>",
            "to": [to], "subject": "Tea at five", "broadcast_id": "8b146471-e88e-4322-86af-016cd36fd216", "tags": {"category": "newsletter", "order": "4711"},
        });
        match *kind {
            2 => {
                data["click"] = json!({"ipAddress": "192.0.2.17", "link": LINK, "timestamp": format!("{day}.257Z"), "userAgent": AGENT});
            }
            3 => {
                data["bounce"] = json!({"message": REASON, "type": "Permanent", "subType": "General", "diagnosticCode": [REASON]});
            }
            _ => {}
        }
        json!({"type": (["email.delivered", "email.opened", "email.clicked", "email.bounced"][*kind]), "created_at": format!("{day}.000Z"), "data": data})
    }

    fn bird(&self) -> Value {
        let Self {
            number,
            kind,
            to,
            day,
            ..
        } = self;
        let mut data = json!({
            "email_id": format!("em_01{number:024}"), "recipient_id": format!("er_01{number:024}"), "workspace_id": "ws_01", "recipient": to,
            "recipient_role": "to", "tags": [{"name": "campaign_id", "value": "newsletter"}], "metadata": {"user_id": format!("u-{number}"), "order": "4711"},
        });
        match *kind {
            1 | 2 => {
                data["ip_address"] = json!("192.0.2.17");
                data["user_agent"] = json!(AGENT);
                data["url"] = json!(LINK);
            }
            3 => {
                data["bounce_type"] = json!("hard");
                data["bounce_class"] = json!(10);
                data["bounce_code"] = json!("550");
                data["bounce_description"] = json!(REASON);
            }
            _ => data["sending_ip"] = json!("192.0.2.1"),
        }
        json!({"type": (["email.delivered", "email.opened", "email.clicked", "email.bounced"][*kind]), "timestamp": format!("{day}.123Z"), "data": data})
    }
}
