//! What counts lead to: behind each number are as many events.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    api::Api,
    browser::{Browser, Seen, event},
    html,
};

/// An event of a campaign and a domain.
fn sent(kind: &str, id: u64, campaign: &str, domain: &str) -> Value {
    let mut event = event(kind, id, 30);
    event["campaign_id"] = json!(campaign);
    event["recipient_domain"] = json!(domain);
    event
}

/// Names that contain each other's words.
fn look_alikes() -> Vec<Value> {
    let mut events = Vec::new();
    for (campaign, domain, count) in [
        ("black", "example.com", 1),
        ("black-friday", "mail.example.com", 2),
        ("black-week", "example.com", 4),
        ("Welcome", "example.com", 3),
        ("welcome-2", "example.net", 5),
    ] {
        for _ in 0..count {
            let id = events.len() as u64;
            events.push(sent("delivery", id, campaign, domain));
        }
    }
    events.push(sent("open", 90, "black-week", "example.com"));
    events.push(sent("initial_open", 91, "black-week", "example.com"));
    events
}

/// The links of the facets, each with the number beside it.
fn facets(page: &Seen) -> Vec<(String, u64)> {
    let facets = page.body.split("<div class=\"facets\">").nth(1).unwrap();
    let items = facets.split("<li>").skip(1);
    items
        .filter_map(|rest| {
            // A value without a link is not followed.
            let item = rest.split("</li>").next()?;
            let href = item.split("<a href=\"").nth(1)?.split('"').next()?;
            let number = item
                .split("<span class=\"num\">")
                .nth(1)?
                .split('<')
                .next()?;
            Some((href.replace("&amp;", "&"), number.parse().unwrap()))
        })
        .collect()
}

/// How many events a search says that it has.
fn total(page: &Seen) -> u64 {
    let heading = page
        .body
        .split("<h2>")
        .skip(1)
        .find_map(|rest| rest.split("</h2>").next()?.split_once(" event"));
    heading.unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn each_facet_leads_to_as_many_events_as_it_counts() {
    let api = Api::over(look_alikes()).await;
    let mut browser = Browser::signed_in(&api).await;

    for search in [
        "",
        "?campaigns=black",
        "?recipient_domains=example.com",
        "?events=open",
        "?campaigns=black-week&match=exact",
    ] {
        let page = browser.get(&format!("/console/events{search}")).await;
        html::check(&page.body);
        let facets = facets(&page);
        assert!(!facets.is_empty(), "{search}: {}", page.text());
        for (href, count) in facets {
            // Beside another text that is searched by words one cannot be told exactly; the page says so.
            let has_both = href.contains("campaigns") && href.contains("recipient_domains");
            if has_both && !search.contains("match=exact") {
                assert!(page.text().contains("finds longer names"));
                continue;
            }
            let found = browser.get(&href).await;
            assert_eq!(found.status, StatusCode::OK, "{search}: {href}");
            assert_eq!(total(&found), count, "{search}: {href}");
        }
    }
}

#[tokio::test]
async fn rows_of_reports_lead_to_their_group_and_no_other() {
    let mut events = look_alikes();
    let mut bounce = sent("bounce", 95, "black", "example.com");
    bounce["bounce_class"] = json!("10");
    let mut other = sent("bounce", 96, "black", "mail.example.com");
    other["bounce_class"] = json!("10");
    events.extend([bounce, other]);
    let api = Api::over(events).await;
    let mut browser = Browser::signed_in(&api).await;

    let engagement = browser.get("/console/reports/engagement").await;
    let welcome = browser.get(&engagement.link("campaigns=Welcome")).await;
    let bounces = browser.get("/console/reports/bounces").await;
    let domain = browser
        .get(&bounces.link("recipient_domains=example.com"))
        .await;

    assert_eq!((total(&welcome), total(&domain)), (3, 1));
}

/// Events of five types for each of so many domains.
fn wide(domains: u64) -> Vec<Value> {
    let mut events = Vec::new();
    for number in 0..domains {
        let domain = format!("d{number}.example");
        for kind in ["injection", "delivery", "bounce", "open", "click"] {
            let mut event = sent(kind, events.len() as u64, "winter", &domain);
            if kind == "bounce" {
                event["bounce_class"] = json!("10");
            }
            events.push(event);
        }
    }
    events
}

#[tokio::test]
async fn reports_have_room_for_any_number_of_domains() {
    let api = Api::over(wide(2_001)).await;
    let mut browser = Browser::signed_in(&api).await;

    let engagement = browser
        .get("/console/reports/engagement?by=recipient_domain")
        .await;
    let bounces = browser.get("/console/reports/bounces").await;
    let file = browser.get("/console/reports/bounces?format=csv").await;

    for seen in [&engagement, &bounces] {
        assert_eq!(seen.status, StatusCode::OK, "{}", seen.text());
        html::check(&seen.body);
    }
    // Of 10,005 numbers five are left out, and each rate of the whole is right.
    assert!(engagement.text().contains("it may be up to 1"));
    assert!(
        engagement.text().contains("delivered 100.0 %"),
        "{}",
        engagement.text()
    );
    assert!(bounces.text().contains("2 001 bounces."));
    assert!(bounces.text().contains("The file has more rows"));
    assert_eq!(file.body.lines().count(), 2_002);
}

#[tokio::test]
async fn facet_of_many_values_says_that_there_are_more() {
    let api = Api::over(wide(120)).await;
    let mut browser = Browser::signed_in(&api).await;

    let found = browser.get("/console/events").await;

    assert!(
        found.text().contains("and at least 92 more"),
        "{}",
        found.text()
    );
}
