//! What strangers write is shown and never executed, and no page grows with it.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    api::Api,
    browser::{Browser, event},
    html,
};

/// A page without pictures has to come over a phone's line.
const MOST_BYTES: usize = 100_000;

/// The fields of an event that a stranger has a say in.
const FIELDS: [&str; 18] = [
    "event_id",
    "message_id",
    "rcpt_to",
    "recipient_domain",
    "subject",
    "campaign_id",
    "template_id",
    "reason",
    "bounce_class",
    "target_link_url",
    "target_link_name",
    "user_agent",
    "mailbox_provider",
    "sending_domain",
    "transmission_id",
    "friendly_from",
    "rcpt_tags",
    "x\"><script>name</script>",
];

const TEXTS: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "//evil.example/path",
    "\\\\evil.example",
    "</title></textarea></script><svg onload=alert(1)>",
    "&lt;script&gt;&#60;script&#62;",
    "\u{202e}gpj.exe\u{202c}\u{2066}\u{200f}x",
    "\u{0}\u{1b}[31m\u{8}",
    "=HYPERLINK(\"http://evil\",\"x\")",
    "{{7*7}}${7*7}#{7*7}",
    "a\r\nSet-Cookie: x=y",
    "]]>--><!--",
];

fn hostile(text: &str, kind: &str, id: u64) -> Value {
    let mut event = event(kind, id, i64::try_from(id % 1_000).unwrap() + 1);
    for field in FIELDS {
        event[field] = json!(text);
    }
    event
}

/// Addresses of every kind of page, with this text wherever an address takes one.
fn addresses(text: &str) -> Vec<String> {
    let query = |pairs: &[(&str, &str)]| {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    };
    let all = [
        ("recipients", text),
        ("campaigns", text),
        ("subjects", text),
        ("metadata.<b>", text),
        (text, text),
        ("timezone", text),
    ];
    vec![
        "/console".to_owned(),
        "/console?from=-7d".to_owned(),
        format!("/console?{}", query(&[("from", text)])),
        "/console/events".to_owned(),
        format!("/console/events?{}", query(&all)),
        format!("/console/events?{}", query(&all[..5])),
        format!(
            "/console/event?{}",
            query(&[("id", text), ("events", text)])
        ),
        "/console/event?from=-24h".to_owned(),
        format!("/console/message?{}", query(&[("id", text)])),
        format!("/console/recipient?{}", query(&[("address", text)])),
        "/console/reports/bounces".to_owned(),
        format!(
            "/console/reports/engagement?{}",
            query(&[("by", text), ("templates", text)])
        ),
        "/console/reports/engagement?by=template".to_owned(),
        format!("/console/export?{}", query(&[("format", text)])),
        format!("/console/nowhere?{}", query(&[("x", text)])),
    ]
}

async fn look_at_all(browser: &mut Browser, text: &str) {
    for address in addresses(text) {
        let seen = browser.get(&address).await;
        assert!(seen.status.as_u16() < 500, "{address}: {}", seen.status);
        html::check(&seen.body);
        assert!(
            seen.body.len() <= MOST_BYTES,
            "{address}: {} bytes",
            seen.body.len()
        );
        for (name, value) in &seen.headers {
            assert!(!value.to_str().unwrap().contains("evil"), "{name}");
        }
    }
}

#[tokio::test]
async fn hostile_text_in_every_field_and_parameter_is_text() {
    for text in TEXTS {
        let events = vec![
            hostile(text, "bounce", 1),
            hostile(text, "open", 2),
            hostile(text, text, 3),
            hostile(text, "click", 4),
        ];
        let api = Api::over(events).await;
        let mut browser = Browser::signed_in(&api).await;

        look_at_all(&mut browser, text).await;

        let seen = browser.get("/console/events?from=-24h").await;
        assert!(seen.text().contains("4 events"), "{text}");
    }
}

#[tokio::test]
async fn refusals_that_quote_a_stranger_are_text() {
    for text in TEXTS {
        let api = Api::over(vec![]).await;
        let complaint =
            json!({ "message": text, "description": format!("{text} is wrong"), "param": text });
        api.refuse("/api/", 400, json!({ "errors": vec![complaint; 50] }));
        let mut browser = Browser::signed_in(&api).await;
        look_at_all(&mut browser, text).await;
    }
}

#[tokio::test]
async fn sign_in_page_repeats_what_was_asked_for_as_text() {
    let api = Api::over(vec![]).await;
    for text in TEXTS {
        for address in addresses(text) {
            let mut browser = Browser::before(&api);
            html::check(&browser.get(&address).await.body);
            html::check(
                &browser
                    .get_with(&address, &[("sec-fetch-site", "cross-site")])
                    .await
                    .body
                    .replace(
                        "http-equiv=\"refresh\" content=",
                        "http-equiv=\"refresh\" href=",
                    )
                    .replace("href=\"0;url=", "href=\""),
            );
        }
    }
}

#[tokio::test]
async fn pages_stay_small_however_large_events_are() {
    // What grows most when it is escaped, when it is encoded in an address, and what is replaced.
    for letter in ["\"", "😀", "\u{202e}", "<script>"] {
        let long = letter.repeat(2_000);
        let mut events: Vec<_> = (0..60)
            .map(|id| hostile(&format!("{id}{long}"), "bounce", id))
            .collect();
        // As many values as an address has room for, and many types.
        for id in 400..480 {
            let mut event = event(&format!("type_{id}"), id, 1);
            for field in [
                "campaign_id",
                "template_id",
                "recipient_domain",
                "bounce_class",
                "rcpt_to",
                "subject",
                "reason",
            ] {
                event[field] = json!(format!("{id}{}", letter.repeat(90 / letter.len())));
            }
            events.push(event);
        }
        let mut many_fields = event("open", 900, 2);
        for field in 0..1_000 {
            many_fields[format!("{letter}{field}")] = json!(letter.repeat(300));
        }
        events.push(many_fields);
        let api = Api::over(events).await;
        let mut browser = Browser::signed_in(&api).await;

        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("from", "-24h"),
                ("campaigns", &letter.repeat(300 / letter.len())),
            ])
            .finish();
        for path in [
            "/console",
            "/console?from=-7d",
            "/console?from=-30d",
            "/console/events",
            "/console/events?from=-7d",
            "/console/event?id=900",
            "/console/event?from=-24h&events=bounce",
            "/console/message?id=m90",
            "/console/recipient?address=ada@example.com",
            "/console/reports/bounces",
            "/console/reports/engagement",
            "/console/reports/engagement?from=-30d&by=recipient_domain",
        ] {
            for path in [
                path.to_owned(),
                format!(
                    "{path}{}{query}",
                    if path.contains('?') { '&' } else { '?' }
                ),
            ] {
                let seen = browser.get(&path).await;
                assert!(
                    seen.body.len() <= MOST_BYTES,
                    "{letter:?} {path}: {} bytes",
                    seen.body.len()
                );
                html::check(&seen.body);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_is_text(text in "\\PC{0,40}|[<>\"'&=/\\\\ \u{0}-\u{1f}\u{200e}\u{202e}a-z:;,-]{0,60}", kind in "[a-z_<>\"&]{1,12}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let api = Api::over(vec![hostile(&text, &kind, 1), hostile(&text, "bounce", 2)]).await;
            let mut browser = Browser::signed_in(&api).await;
            look_at_all(&mut browser, &text).await;
        });
    }
}
