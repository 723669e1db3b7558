//! Reports, as pages and as files.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::Api,
    browser::{Browser, event},
    html,
};

fn bounce(id: u64, class: &str, domain: &str, reason: &str) -> Value {
    let mut bounce = event(
        if id.is_multiple_of(2) {
            "bounce"
        } else {
            "out_of_band"
        },
        id,
        i64::try_from(id).unwrap(),
    );
    bounce["bounce_class"] = json!(class);
    bounce["recipient_domain"] = json!(domain);
    bounce["reason"] = json!(reason);
    bounce
}

#[tokio::test]
async fn bounces_are_told_by_class_and_domain_in_words() {
    let events = vec![
        bounce(2, "22", "a.example", "=cmd|mailbox full"),
        bounce(3, "22", "a.example", "older reason"),
        bounce(4, "22", "b.example", ""),
        bounce(6, "10", "a.example", "550 no such user"),
        event("delivery", 7, 7),
    ];
    let api = Api::over(events).await;
    let mut browser = Browser::signed_in(&api).await;

    let page = browser
        .get("/console/reports/bounces?events=delivery")
        .await;
    let file = browser.get("/console/reports/bounces?format=csv").await;

    html::check(&page.body);
    let text = page.text();
    assert!(
        text.contains("4 bounces. The most frequent class is 22: mailbox full (soft), with 75.0 %"),
        "{text}"
    );
    assert!(
        text.contains("22: mailbox fullsofta.example250.0 %=cmd|mailbox full"),
        "{text}"
    );
    assert!(text.contains("hard 1") && text.contains("soft 3"), "{text}");
    let found = browser.get(&page.link("bounce_classes=10")).await;
    assert!(found.text().contains("1 event"), "{}", found.text());
    assert_eq!(
        file.body.lines().collect::<Vec<_>>(),
        [
            "\u{feff}Class,Kind,Recipient domain,Bounces,Share,A reason of this class",
            "22: mailbox full,soft,a.example,2,0.5000,'=cmd|mailbox full",
            "22: mailbox full,soft,b.example,1,0.2500,'=cmd|mailbox full",
            "10: invalid recipient,hard,a.example,1,0.2500,550 no such user",
        ]
    );
    assert!(
        file.header("content-disposition")
            .contains("cistern-bounces.csv")
    );
}

#[tokio::test]
async fn engagement_is_told_by_each_dimension_and_hour_of_the_week() {
    let mut events = vec![
        event("injection", 1, 90),
        event("delivery", 2, 89),
        event("delivery", 3, 89),
        event("open", 4, 61),
        event("click", 5, 60),
    ];
    let mut other = event("delivery", 6, 89);
    other["campaign_id"] = json!("=spring, <b>\"late\"");
    events.push(other);
    let mut nameless = event("open", 7, 50);
    nameless.as_object_mut().unwrap().remove("campaign_id");
    events.push(nameless);
    let api = Api::over(events).await;
    let mut browser = Browser::signed_in(&api).await;

    let page = browser.get("/console/reports/engagement?from=-7d").await;
    let file = browser
        .get("/console/reports/engagement?from=-7d&format=csv")
        .await;

    html::check(&page.body);
    assert!(page.text().contains("opened 66.7 %"), "{}", page.text());
    assert!(
        page.text().contains("winter12200.0 %0.00 %50.0 %50.0 %"),
        "{}",
        page.text()
    );
    // 21 November 2026 is a Saturday: one open at 10:59, one at 11:10.
    let saturday = page
        .body
        .split("<th scope=\"row\">Sat</th>")
        .nth(1)
        .unwrap()
        .split("</tr>")
        .next()
        .unwrap();
    let hours: Vec<_> = saturday
        .split("<td")
        .skip(1)
        .map(|cell| cell.split('>').nth(1).unwrap().split('<').next().unwrap())
        .collect();
    assert_eq!(
        (hours.len(), hours[10], hours[11], hours[12]),
        (24, "1", "1", "0")
    );
    assert_eq!(
        file.body.lines().collect::<Vec<_>>(),
        [
            "\u{feff}Campaign,Injections,Deliveries,Delivered,Bounced,Opened,Clicked,Complained,Unsubscribed,Opens,Clicks",
            "winter,1,2,2.0000,0.0000,0.5000,0.5000,0.0000,0.0000,1,1",
            "\"'=spring, <b>\"\"late\"\"\",0,1,,,0.0000,0.0000,0.0000,0.0000,0,0",
            "–,0,0,,,,,,,1,0",
        ]
    );
    for by in [
        "template",
        "recipient_domain",
        "sending_domain",
        "mailbox_provider",
        "nonsense",
    ] {
        let seen = browser
            .get(&format!(
                "/console/reports/engagement?by={by}&from=-30d&timezone=Asia/Kathmandu"
            ))
            .await;
        assert_eq!(seen.status, StatusCode::OK, "{by}");
        html::check(&seen.body);
    }
}

#[tokio::test]
async fn time_to_open_is_told_of_messages_that_were_delivered() {
    // Messages m1 to m4 by their ids; minutes count back from now.
    let mut prefetched = event("initial_open", 42, 100);
    prefetched["user_agent_parsed"] = json!({ "is_prefetched": true });
    let events = vec![
        event("delivery", 10, 120),
        event("open", 11, 118),
        event("open", 12, 20),
        event("delivery", 20, 120),
        event("open", 21, 60),
        event("open", 31, 30),
        event("delivery", 40, 100),
        prefetched,
    ];
    let api = Api::over(events).await;
    let mut browser = Browser::signed_in(&api).await;

    let page = browser
        .get("/console/reports/time-to-open?events=bounce")
        .await;
    let file = browser
        .get("/console/reports/time-to-open?format=csv")
        .await;
    let none = browser.get("/console/reports/time-to-open?from=-10m").await;

    html::check(&page.body);
    let text = page.text();
    assert!(text.contains("Half of 3 opened messages were opened within 2 min 0 s of their delivery, nine of ten within 1 h 0 min."), "{text}");
    assert!(
        text.contains("1 of these were loaded by machines"),
        "{text}"
    );
    assert!(
        text.contains("1 more were opened without a delivery"),
        "{text}"
    );
    let rows: Vec<_> = file
        .body
        .lines()
        .filter(|line| !line.contains(",0,0.0000,"))
        .collect();
    assert_eq!(
        rows,
        [
            "\u{feff}Time to open,Messages,Share,Opened by then,By machines",
            "< 1 min,1,0.3333,0.3333,1",
            "1–5 min,1,0.3333,0.6667,0",
            "1–3 h,1,0.3333,1.0000,0",
        ]
    );
    assert!(
        none.text().contains("No message was opened"),
        "{}",
        none.text()
    );
}
