//! Numbers and texts that are often converted wrongly, one by one, as they arrive at the destination.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::forwarding::rig::{EVERYTHING, Forwarding};
use crate::stack::fresh_id;

/// Sends a batch of one event, and returns the report of the runs.
async fn forward(forwarding: &Forwarding, batch: &str, event: &str) -> Result<(u64, u64, u64)> {
    forwarding
        .deliver(format!(
            r#"{{{batch},"environment":"production","events":[{event}]}}"#
        ))
        .await?;
    let sums = forwarding.drain().await?;
    Ok((sums.sent, sums.skipped, sums.rejected))
}

fn screen_view(data: &str) -> String {
    format!(r#"{{"event_type":"screen_view","data":{{"screen_name":"Home",{data}}}}}"#)
}

/// The one event that arrived.
async fn arrived(forwarding: &Forwarding) -> Result<Value> {
    let mut events = forwarding.arrived().await?;
    ensure!(events.len() == 1, "{} events arrived", events.len());
    events
        .pop_first()
        .map(|(_, event)| event)
        .context("an event")
}

const ADA: &str = r#""user_identities":[{"identity_type":"customer_id","identity":"ada"}]"#;

#[tokio::test]
async fn ids_past_53_bits_keep_every_digit_as_numbers_and_as_text() -> Result<()> {
    for number in ["9007199254740993", r#""9007199254740993""#] {
        let forwarding = Forwarding::with(&[]).await?;
        let event = screen_view(&format!(
            r#""event_id":{number},"timestamp_unixtime_ms":1790000000000"#
        ));

        let sums = forward(&forwarding, &format!(r#"{ADA},"mpid":{number}"#), &event).await?;

        ensure!(sums == (1, 0, 0), "{number}: {sums:?}");
        let event = arrived(&forwarding).await?;
        ensure!(event["id"] == "mp-9007199254740993", "{number}: {event}");
        ensure!(
            event["dataFields"]["mp_mpid"] == "9007199254740993",
            "{number}: {event}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn negative_ids_stay_negative() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let event =
        screen_view(r#""event_id":-6518616552181726857,"timestamp_unixtime_ms":1790000000000"#);

    let sums = forward(
        &forwarding,
        &format!(r#"{ADA},"mpid":-9223372036854775808"#),
        &event,
    )
    .await?;

    ensure!(sums == (1, 0, 0), "{sums:?}");
    let event = arrived(&forwarding).await?;
    ensure!(event["id"] == "mp--6518616552181726857", "{event}");
    ensure!(
        event["dataFields"]["mp_mpid"] == "-9223372036854775808",
        "{event}"
    );
    Ok(())
}

/// An address with a control character identifies no user: the event is left out, and other users' events are sent.
#[tokio::test]
async fn nul_in_an_email_makes_it_nobody() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let event = |id: &str| {
        screen_view(&format!(
            r#""source_message_id":"{id}","timestamp_unixtime_ms":1790000000000"#
        ))
    };
    let email = r#"{"identity_type":"email","identity":"\u0000a\u0000d\u0000a@x.example"}"#;
    let customer = r#"{"identity_type":"customer_id","identity":"ada"}"#;

    let alone = forward(
        &forwarding,
        &format!(r#""user_identities":[{email}]"#),
        &event(&fresh_id("nul")),
    )
    .await?;
    ensure!(alone == (0, 1, 0), "alone: {alone:?}");
    let with_customer = forward(
        &forwarding,
        &format!(r#""user_identities":[{email},{customer}]"#),
        &event(&fresh_id("nul")),
    )
    .await?;

    ensure!(with_customer == (1, 0, 0), "with an id: {with_customer:?}");
    let event = arrived(&forwarding).await?;
    ensure!(
        event["userId"] == "ada" && event.get("email").is_none(),
        "{event}"
    );
    Ok(())
}

/// Iterable accepts integer quantities; the exact one is stored beside the rounded one, and the total is not recomputed.
#[tokio::test]
async fn decimal_quantity_is_rounded_and_kept() -> Result<()> {
    let forwarding = Forwarding::with(&[("MAPPING", EVERYTHING)]).await?;
    let id = fresh_id("decimal");
    let event = json!({
        "event_type": "commerce_event",
        "data": {
            "source_message_id": id, "timestamp_unixtime_ms": 1_790_000_000_000_u64,
            "product_action": {
                "action": "purchase", "total_amount": 101.15,
                "products": [{"id": "tea-7", "name": "Assam", "price": 11.9, "quantity": 8.5}],
            },
        },
    });

    let sums = forward(&forwarding, ADA, &event.to_string()).await?;

    ensure!(sums == (1, 0, 0), "{sums:?}");
    let purchase = forwarding.received(&format!("/purchases/{id}")).await?;
    let item = &purchase["event"]["items"][0];
    ensure!(item["quantity"].is_u64() && item["price"] == 11.9, "{item}");
    ensure!(
        item["dataFields"].to_string().contains("8.5"),
        "the exact quantity is kept: {item}"
    );
    ensure!(purchase["event"]["total"] == 101.15, "{purchase}");
    forwarding.restore().await
}

#[tokio::test]
async fn seconds_where_milliseconds_belong_are_taken_as_seconds() -> Result<()> {
    for timestamp in ["1790000000", "1790000000999", r#""1790000000999""#] {
        let forwarding = Forwarding::with(&[]).await?;
        let event = screen_view(&format!(
            r#""source_message_id":"{}","timestamp_unixtime_ms":{timestamp}"#,
            fresh_id("seconds")
        ));

        let sums = forward(&forwarding, ADA, &event).await?;

        ensure!(sums == (1, 0, 0), "{timestamp}: {sums:?}");
        let event = arrived(&forwarding).await?;
        ensure!(event["createdAt"] == 1_790_000_000, "{timestamp}: {event}");
    }
    Ok(())
}
