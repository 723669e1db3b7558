//! What pages tell, against the events behind them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::Api,
    browser::{Browser, event},
    html,
};

/// A message's life, and some others: of the last day 9, of the day before 1.
fn company() -> Vec<Value> {
    let mut bounce = event("bounce", 20, 30);
    bounce["rcpt_to"] = json!("eve@example.net");
    bounce["recipient_domain"] = json!("example.net");
    bounce["bounce_class"] = json!("22");
    bounce["reason"] = json!("552 5.2.2 mailbox is full");
    let mut nameless = event("tomorrows_type", 40, 200);
    nameless.as_object_mut().unwrap().remove("event_id");
    nameless.as_object_mut().unwrap().remove("message_id");
    vec![
        event("injection", 10, 190),
        event("delivery", 11, 189),
        event("open", 12, 60),
        event("initial_open", 13, 60),
        event("click", 14, 59),
        event("injection", 21, 31),
        bounce,
        nameless,
        event("delivery", 30, 23 * 60),
        event("delivery", 50, 30 * 60),
    ]
}

async fn signed_in() -> (Api, Browser) {
    let api = Api::over(company()).await;
    let browser = Browser::signed_in(&api).await;
    (api, browser)
}

#[tokio::test]
async fn overview_has_the_figures_of_the_events() {
    let (api, mut browser) = signed_in().await;

    let day = browser.get("/console").await;
    let week = browser.get("/console?from=-7d").await;
    let month = browser
        .get("/console?from=-30d&timezone=Europe/Berlin")
        .await;

    for seen in [&day, &week, &month] {
        assert_eq!(seen.status, StatusCode::OK);
        html::check(&seen.body);
    }
    let text = day.text();
    // All of the day, and of the day before it.
    assert!(text.contains("All91"), "{text}");
    assert!(text.contains("delivery21+100.0 %"), "{text}");
    assert!(
        text.contains("Delivered100.0 %2 of 2deliveries ÷ injections"),
        "{text}"
    );
    assert!(text.contains("Bounced50.0 %1 of 2"), "{text}");
    assert!(
        text.contains("Opened50.0 %1 of 2") && text.contains("Clicked50.0 %1 of 2"),
        "{text}"
    );
    assert!(
        text.contains("Newest event: 2026-11-21 11:30:00 bounce, 30 minutes ago"),
        "{text}"
    );
    assert!(day.text().contains("by hour") && month.text().contains("by six hours"));
    assert!(
        week.text().contains("All100") && month.text().contains("All100"),
        "{}",
        week.text()
    );
    // Days of hours are counted in parts that the API can answer.
    let parts = api
        .asked()
        .into_iter()
        .filter(|asked| {
            asked
                .query
                .contains(&("group_by".to_owned(), "hour,type".to_owned()))
        })
        .count();
    assert_eq!(parts, 1 + 1 + 3);
}

#[tokio::test]
async fn search_leads_to_the_event_its_message_and_its_recipient() {
    let (_, mut browser) = signed_in().await;

    let found = browser.get("/console/events?events=click").await;
    let event = browser.get(&found.link("/console/event?id=14")).await;
    let message = browser.get(&event.link("/console/message?")).await;
    let recipient = browser.get(&event.link("/console/recipient?")).await;

    for seen in [&found, &event, &message, &recipient] {
        assert_eq!(seen.status, StatusCode::OK);
        html::check(&seen.body);
    }
    assert!(found.text().contains("1 event") && found.text().contains("Type: click"));
    assert!(
        event.text().contains("Twelve books")
            && event.text().contains("\"campaign_id\": \"winter\""),
        "{}",
        event.text()
    );
    let overview = browser.get("/console").await;
    for seen in [&overview, &found, &event, &message, &recipient] {
        assert!(
            seen.text()
                .contains("curl -H \"Authorization: $KEY\" 'https://console.example/api/v1/")
        );
    }
    // The journey is in order, with times between.
    let journey = message.text();
    let places: Vec<_> = [
        "injection ",
        "delivery ",
        "+1 min 0 s",
        "initial open ",
        "+2 h 9 min",
        "click ",
    ]
    .iter()
    .map(|word| journey.find(word))
    .collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?} {journey}"
    );
    assert!(!journey.contains("No injection is stored"));
    assert!(
        recipient.text().contains("Messages, newest first") && recipient.text().contains("click"),
        "{}",
        recipient.text()
    );
}

#[tokio::test]
async fn bounce_is_told_in_words_and_a_message_without_a_beginning_says_why() {
    let (_, mut browser) = signed_in().await;

    let bounce = browser.get("/console/event?id=20&events=bounce").await;
    let late = browser.get("/console/message?id=m3").await;
    let none = browser.get("/console/message?id=nothing").await;

    assert!(
        bounce.text().contains("22: mailbox full (soft)"),
        "{}",
        bounce.text()
    );
    assert!(late.text().contains("No injection is stored"));
    assert!(none.text().contains("No event of this message is stored"));
    assert_eq!(
        browser.get("/console/event?id=nothing").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browser.get("/console/message").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        browser.get("/console/recipient?address=a,b").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn event_without_an_id_has_a_page_and_one_id_of_many_types_leads_to_each() {
    let mut events = company();
    events.push(event("open", 99, 7));
    events.push(event("click", 99, 7));
    let api = Api::over(events).await;
    let mut browser = Browser::signed_in(&api).await;

    let list = browser.get("/console/events?events=tomorrows_type").await;
    let nameless = browser.get(&list.link("/console/event?from=")).await;
    let click = browser.get("/console/event?id=99&events=click").await;

    assert_eq!(nameless.status, StatusCode::OK);
    assert!(
        nameless.text().contains("tomorrows type")
            && nameless.text().contains("The event names no message."),
        "{}",
        nameless.text()
    );
    assert!(
        click.body.contains("Events with this id") && click.text().contains("\"type\": \"click\"")
    );
    html::check(&nameless.body);
}

#[tokio::test]
async fn pages_of_a_search_follow_each_other_while_the_clock_moves_on() {
    let events: Vec<_> = (0..95)
        .map(|id| event("open", 1_000 + id, i64::try_from(id).unwrap()))
        .collect();
    let api = Api::over(events).await;
    let mut browser = Browser::signed_in(&api).await;

    let (mut path, mut seen_ids) = ("/console/events?events=open".to_owned(), Vec::new());
    for _ in 0..3 {
        let page = browser.get(&path).await;
        seen_ids.extend(
            page.body
                .split("/console/event?id=")
                .skip(1)
                .map(|rest| rest.split('&').next().unwrap().to_owned()),
        );
        if !page.body.contains("rel=\"next\"") {
            break;
        }
        let next = page.body.split("rel=\"next\" href=\"").nth(1).unwrap();
        path = next.split('"').next().unwrap().replace("&amp;", "&");
        // A cursor belongs to a range: the next page must not ask for one that has moved.
        assert!(
            path.contains("from=2026-11-20T12%3A00%3A00Z&to=2026-11-21T12%3A00%3A00Z"),
            "{path}"
        );
    }

    seen_ids.sort();
    seen_ids.dedup();
    assert_eq!(
        seen_ids.len(),
        94,
        "the event of this second is not in a range that ends with it"
    );
}

#[tokio::test]
async fn filters_facets_and_lines_are_the_search_itself() {
    let (api, mut browser) = signed_in().await;

    let seen = browser
        .get("/console/events?events=bounce&events=open&from=2026-11-21&recipient=typo")
        .await;

    assert!(
        seen.text()
            .contains("Not a parameter of the search, and left out: recipient."),
        "{}",
        seen.text()
    );
    assert!(
        seen.link("campaigns=winter")
            .contains("from=2026-11-21&events=bounce&events=open&campaigns=winter")
    );
    let curl = "curl -H \"Authorization: $KEY\" 'https://console.example/api/v1/events/message?from=2026-11-21T00%3A00%3A00Z&to=2026-11-21T12%3A00%3A00Z&events=bounce&events=open'";
    assert!(seen.text().contains(curl), "{}", seen.text());
    let narrowed = browser.get(&seen.link("campaigns=winter")).await;
    assert!(
        narrowed.text().contains("Campaign: winter") && narrowed.text().contains("2 events"),
        "{}",
        narrowed.text()
    );
    let asked = api.asked();
    assert!(
        asked.iter().all(|asked| asked.method == "GET"),
        "nothing but reading"
    );
}

#[tokio::test]
async fn files_are_attachments_with_the_events_of_the_search() {
    let (api, mut browser) = signed_in().await;

    let csv = browser.get("/console/export?format=csv&events=click").await;
    let lines = browser.get("/console/export?format=ndjson&from=-2d").await;
    let event = browser.get("/console/event/json?id=14").await;
    let wrong = browser.get("/console/export?format=exe").await;

    assert_eq!(
        (
            csv.header("content-type"),
            csv.header("content-disposition")
        ),
        (
            "text/csv; charset=utf-8",
            "attachment; filename=\"cistern-events-2026-11-20-to-2026-11-21.csv\""
        )
    );
    assert_eq!(
        (lines.header("content-type"), lines.body.lines().count()),
        ("application/x-ndjson", 10)
    );
    assert!(
        event
            .header("content-disposition")
            .starts_with("attachment")
            && event.body.contains("\"click\"")
    );
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let asked = api.asked();
    let asked = asked
        .iter()
        .find(|asked| {
            asked
                .query
                .contains(&("format".to_owned(), "csv".to_owned()))
        })
        .unwrap();
    for pair in [("csv", "bom"), ("per_page", "10000"), ("events", "click")] {
        assert!(
            asked
                .query
                .contains(&(pair.0.to_owned(), pair.1.to_owned())),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn new_events_are_counted_from_when_the_page_was_made() {
    let (api, mut browser) = signed_in().await;
    let page = browser.get("/console/events?events=open").await;
    let address = page
        .body
        .split("data-new=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&");
    assert_eq!(
        address,
        "/console/events/new?from=2026-11-21T12%3A00%3A00Z&events=open"
    );

    let later = browser.moved_to(&Browser::of(
        &api.origin,
        crate::browser::STACK,
        crate::browser::keys(crate::api::KEY),
        || "2026-11-21T12:10:00Z".parse().unwrap(),
    ));
    let mut newer = later;
    assert_eq!(newer.get(&address).await.body, r#"{"count":0}"#);
    assert_eq!(
        newer
            .get("/console/events/new?from=2026-11-21T11:00:00Z&events=open")
            .await
            .body,
        r#"{"count":1}"#
    );
    assert!(
        !browser
            .get("/console/events?to=2026-11-21")
            .await
            .body
            .contains("data-new")
    );
}

#[tokio::test]
async fn empty_stack_teaches_and_an_empty_search_shows_ways_out() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::signed_in(&api).await;

    let overview = browser.get("/console").await;
    let search = browser
        .get("/console/events?recipients=nobody%40example.com")
        .await;
    let bounces = browser.get("/console/reports/bounces").await;

    let mut events = company();
    events.retain(|event| event["timestamp"].as_str().unwrap() < "2026-11-20T11");
    let mut quiet = Browser::signed_in(&Api::over(events).await).await;
    let lately = quiet.get("/console?campaigns=x").await;
    let then = quiet.get("/console?from=2026-01-01&to=2026-01-02").await;
    assert!(
        lately.text().contains("Newest event: 2026-11-20 06:00:00"),
        "{}",
        lately.text()
    );
    assert!(lately.text().contains("No event happened in this range."));
    assert!(
        lately.text().contains("left out: campaigns."),
        "{}",
        lately.text()
    );
    for seen in [&lately, &then] {
        assert!(
            !seen.text().contains("No event has arrived yet"),
            "{}",
            seen.text()
        );
    }
    assert!(
        overview.text().contains("No event has arrived yet")
            && overview
                .text()
                .contains("https://console.example/webhooks/sparkpost")
    );
    assert!(overview.text().contains("$SPARKPOST_KEY") && !overview.body.contains(crate::api::KEY));
    assert!(
        search
            .text()
            .contains("without recipients nobody@example.com"),
        "{}",
        search.text()
    );
    assert!(bounces.text().contains("No message bounced in this range."));
    for seen in [&overview, &search, &bounces] {
        html::check(&seen.body);
    }
}
