//! `cistern backfill sparkpost`, against a stand-in for SparkPost's Events API.

use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use event_model::sparkpost::EventType;
use event_samples::sparkpost::{Generator, GeneratorOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::net::TcpListener;

use super::command;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, shared_data};

const KEY: &str = "planted-sparkpost-key";

/// SparkPost: events with their times, pages of `per_page`, and what to answer first.
#[derive(Clone)]
struct SparkPost {
    events: Arc<Vec<(OffsetDateTime, Value)>>,
    /// As the API has links, or as its predecessor.
    links_are_a_list: bool,
    /// Statuses of the next answers, with `Retry-After: 1`.
    failures: Arc<Mutex<Vec<u16>>>,
    /// The `from` of each page that was served.
    served: Arc<Mutex<Vec<String>>>,
}

#[derive(Deserialize)]
struct Search {
    cursor: String,
    from: String,
    to: String,
    per_page: usize,
}

impl SparkPost {
    fn new(events: Vec<Value>) -> Result<Self> {
        let mut events = events
            .into_iter()
            .map(|event| Ok((time_of(&event)?, event)))
            .collect::<Result<Vec<_>>>()?;
        // The newest first.
        events.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Ok(Self {
            events: Arc::new(events),
            links_are_a_list: false,
            failures: Arc::default(),
            served: Arc::default(),
        })
    }

    async fn serve(&self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new()
            .route("/api/v1/events/message", get(search))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(url)
    }

    fn page(&self, search: &Search) -> Option<Value> {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]");
        let minute = |text: &str| {
            let at = PrimitiveDateTime::parse(text, form).ok()?;
            Some(at.assume_utc())
        };
        let (from, to) = (minute(&search.from)?, minute(&search.to)?);
        let matching: Vec<&Value> = self
            .events
            .iter()
            .filter(|(at, _)| (from..to).contains(at))
            .map(|(_, event)| event)
            .collect();
        let skipped = match search.cursor.as_str() {
            "initial" => 0,
            number => number.parse().ok()?,
        };
        let end = skipped + search.per_page;
        let Search {
            from, to, per_page, ..
        } = search;
        let next = (end < matching.len()).then(|| {
            format!("/api/v1/events/message?cursor={end}&from={from}&to={to}&per_page={per_page}")
        });
        let links = match (self.links_are_a_list, next) {
            (false, Some(next)) => json!({ "next": next }),
            (false, None) => json!({}),
            (true, Some(next)) => {
                json!([{"rel": "first", "href": "/api/v1/x"}, {"rel": "next", "href": next}])
            }
            (true, None) => json!([]),
        };
        let results: Vec<_> = matching
            .iter()
            .skip(skipped)
            .take(search.per_page)
            .collect();
        Some(json!({"results": results, "total_count": matching.len(), "links": links}))
    }
}

async fn search(
    State(sparkpost): State<SparkPost>,
    headers: HeaderMap,
    Query(search): Query<Search>,
) -> Response {
    if headers.get("authorization").is_none_or(|key| key != KEY) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let failure = sparkpost
        .failures
        .lock()
        .ok()
        .and_then(|mut failures| failures.pop());
    if let Some(status) = failure.and_then(|status| StatusCode::from_u16(status).ok()) {
        let errors = Json(json!({"errors": [{"message": "planted"}]}));
        return (status, [("retry-after", "1")], errors).into_response();
    }
    let Some(page) = sparkpost.page(&search) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let Ok(mut served) = sparkpost.served.lock() {
        served.push(search.from);
    }
    Json(page).into_response()
}

fn time_of(event: &Value) -> Result<OffsetDateTime> {
    let text = event["timestamp"]
        .as_str()
        .context("an event of the API has a time")?;
    Ok(OffsetDateTime::parse(
        text,
        &time::format_description::well_known::Rfc3339,
    )?)
}

/// The event as the webhook would have brought it: in its envelope, with the time in seconds and ids as texts.
fn of_webhook(event: &Value) -> Result<Value> {
    let mut event = event.clone();
    event["timestamp"] = json!(time_of(&event)?.unix_timestamp().to_string());
    for id in ["event_id", "customer_id", "subaccount_id"] {
        if let Some(number) = event[id].as_i64() {
            event[id] = json!(number.to_string());
        }
    }
    let name = event["type"].as_str().unwrap_or_default();
    let class = name
        .parse::<EventType>()
        .map_or("message_event", |known| known.class().as_str());
    let mut envelope = json!({ "msys": {} });
    envelope["msys"][class] = event;
    Ok(envelope)
}

/// Events of some hours of the day before yesterday, as the API has them.
fn generated(count: u64) -> Result<(OffsetDateTime, Vec<Value>)> {
    let now = OffsetDateTime::now_utc();
    let day = (now - Duration::from_hours(48))
        .date()
        .midnight()
        .assume_utc();
    let options = GeneratorOptions {
        start: day + Duration::from_hours(1),
        span: Duration::from_hours(5),
        total: 2 * count,
    };
    let seed = u64::try_from(now.unix_timestamp_nanos() % i128::from(u64::MAX))?;
    let count = usize::try_from(count)?;
    let batch = Generator::new(seed, options).batch(2 * count);
    let batch: Vec<Value> = serde_json::from_slice(&batch)?;
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
    let mut events = Vec::new();
    for element in batch {
        let classes = element["msys"]
            .as_object()
            .context("an event has a class")?;
        let mut event = classes
            .values()
            .next()
            .context("an event has a class")?
            .clone();
        let seconds: i64 = event["timestamp"].as_str().context("a time")?.parse()?;
        event["timestamp"] = json!(OffsetDateTime::from_unix_timestamp(seconds)?.format(form)?);
        if let Some(id) = event["customer_id"]
            .as_str()
            .and_then(|id| id.parse::<i64>().ok())
        {
            event["customer_id"] = json!(id);
        }
        // One without an id may be stored beside the webhook's, as guarantees.md says.
        if !event["event_id"].is_null() {
            events.push(event);
        }
    }
    ensure!(events.len() >= count, "events with an id");
    events.truncate(count);
    Ok((day, events))
}

fn day(at: OffsetDateTime) -> [String; 2] {
    [
        at.date().to_string(),
        (at + Duration::from_hours(24)).date().to_string(),
    ]
}

async fn backfill(url: &str, [from, to]: &[String; 2], more: &[&str]) -> Result<Output> {
    let arguments = [
        "backfill",
        "sparkpost",
        "--url",
        url,
        "--rate",
        "1000",
        "--from",
        from,
        "--to",
        to,
    ];
    let output = command(&[&arguments[..], more].concat())?
        .env("SPARKPOST_API_KEY", KEY)
        .output()
        .await?;
    Ok(output)
}

fn summary(output: &Output) -> Result<Value> {
    let notes = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {notes}", output.status);
    ensure!(!notes.contains(KEY), "the key is printed");
    serde_json::from_slice(&output.stdout).context("reading the summary")
}

/// The events that are not stored once, by id, type and second, with the number of their rows.
async fn not_once(stack: &Stack, events: &[Value]) -> Result<Vec<(i64, Value)>> {
    let mut not_once = Vec::new();
    for event in events {
        let id = match &event["event_id"] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        };
        let count: i64 = sqlx::query_scalar(
            "select count(*) from email_events where event ->> 'event_id' = $1 and type = $2 and ts = $3",
        )
        .bind(id)
        .bind(event["type"].as_str())
        .bind(time_of(event)?.replace_nanosecond(0)?)
        .fetch_one(&stack.db)
        .await?;
        if count != 1 {
            not_once.push((count, event.clone()));
        }
    }
    Ok(not_once)
}

#[tokio::test]
async fn gap_of_a_day_that_the_webhook_brought_in_part_is_filled_and_nothing_is_doubled()
-> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let (at, events) = generated(900)?;
    // The webhook was out for a while in between.
    let brought: Vec<Value> = [&events[..300], &events[500..]]
        .concat()
        .iter()
        .map(of_webhook)
        .collect::<Result<_>>()?;
    stack
        .deliver(&fresh_id("partly"), serde_json::to_vec(&brought)?)
        .await?;
    let sparkpost = SparkPost::new(events.clone())?;
    let url = sparkpost.serve().await?;
    let day = day(at);

    let dry = summary(&backfill(&url, &day, &["--dry-run"]).await?)?;
    ensure!(dry["fetched"] == 900 && dry["dry_run"] == true, "{dry}");
    if let Ok(mut failures) = sparkpost.failures.lock() {
        failures.extend([503, 429, 429]);
    }
    let output = backfill(&url, &day, &["--per-page", "50"]).await?;

    let filled = summary(&output)?;
    let notes = String::from_utf8_lossy(&output.stderr);
    ensure!(
        notes.contains("SparkPost answered 429: planted; asking again in 1 s"),
        "{notes}"
    );
    ensure!(filled["fetched"] == 900, "{filled}");
    let counts = &filled["events"];
    ensure!(
        counts["received"] == 900
            && counts["stored"] == 200
            && counts["duplicate"] == 700
            && counts["rejected"] == 0,
        "{filled}"
    );
    let others = not_once(&stack, &events).await?;
    ensure!(others.is_empty(), "{others:?}");

    let again = summary(&backfill(&url, &day, &["--per-page", "50"]).await?)?;

    ensure!(
        again["done"] == 0 && again["events"]["stored"] == 0,
        "{again}"
    );
    let others = not_once(&stack, &events).await?;
    ensure!(others.is_empty(), "{others:?}");
    Ok(())
}

/// What SparkPost's services really answered, in both forms of links.
#[tokio::test]
async fn recorded_answers_of_sparkpost_are_stored_once_beside_what_the_webhook_brought()
-> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let Some(folder) = shared_data().map(|folder| folder.join("sparkpost/events-api")) else {
        eprintln!("no recorded answers beside the checkout: nothing to compare with");
        return Ok(());
    };
    for (name, links_are_a_list) in [
        ("go-message-events-200.json", true),
        ("ui-200-get.json", false),
        ("docs-search-response.json", false),
    ] {
        let recorded: Value = serde_json::from_slice(&std::fs::read(folder.join(name))?)?;
        let events = recorded["results"].as_array().context("results")?.clone();
        let first = of_webhook(&events[0])?;
        stack
            .deliver(&fresh_id("recorded"), serde_json::to_vec(&[first])?)
            .await?;
        let mut sparkpost = SparkPost::new(events.clone())?;
        sparkpost.links_are_a_list = links_are_a_list;
        let url = sparkpost.serve().await?;

        for event in &events {
            let filled =
                summary(&backfill(&url, &day(time_of(event)?), &["--per-page", "1"]).await?)?;
            ensure!(filled["events"]["rejected"] == 0, "{name}: {filled}");
        }

        let others = not_once(&stack, &events).await?;
        ensure!(others.is_empty(), "{name}: {others:?}");
    }
    Ok(())
}

#[tokio::test]
async fn killed_backfill_goes_on_at_its_hour() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let (at, events) = generated(60)?;
    let sparkpost = SparkPost::new(events.clone())?;
    let url = sparkpost.serve().await?;
    let day = day(at);
    let arguments = [
        "backfill",
        "sparkpost",
        "--url",
        &url,
        "--from",
        &day[0],
        "--to",
        &day[1],
        "--rate",
        "4",
    ];
    let mut slow = command(&arguments)?
        .env("SPARKPOST_API_KEY", KEY)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let served = || {
        sparkpost
            .served
            .lock()
            .map(|served| served.clone())
            .unwrap_or_default()
    };
    eventually("the first hours to be fetched", ARRIVAL, async || {
        Ok((served().len() >= 4).then_some(()))
    })
    .await?;
    slow.kill().await?;
    let first: Vec<String> = served();

    let output = backfill(&url, &day, &[]).await?;

    let filled = summary(&output)?;
    let notes = String::from_utf8_lossy(&output.stderr);
    ensure!(
        notes.contains("continuing an interrupted backfill"),
        "{notes}"
    );
    ensure!(
        filled["fetched"] == 60 && filled["events"]["stored"] == 60,
        "{filled}"
    );
    let others = not_once(&stack, &events).await?;
    ensure!(others.is_empty(), "{others:?}");
    // Of the hours that were done, none is asked for again; the last may have been stored when its position was not yet.
    let second = &served()[first.len()..];
    let repeated = first.iter().filter(|hour| second.contains(hour)).count();
    ensure!(repeated <= 1, "{first:?} {second:?}");
    Ok(())
}

#[tokio::test]
async fn missing_and_wrong_keys_are_named_and_nothing_is_stored() -> Result<()> {
    let (_stack, _weather) = Stack::shared().await?;
    let (at, events) = generated(1)?;
    let url = SparkPost::new(events)?.serve().await?;
    let [from, to] = day(at);
    let arguments = [
        "backfill",
        "sparkpost",
        "--url",
        &url,
        "--from",
        &from,
        "--to",
        &to,
    ];

    let missing = command(&arguments)?
        .env_remove("SPARKPOST_API_KEY")
        .output()
        .await?;
    let wrong = command(&arguments)?
        .env("SPARKPOST_API_KEY", "another")
        .output()
        .await?;

    for (output, expected) in [
        (missing, "set SPARKPOST_API_KEY"),
        (wrong, "Events Search: Read-only"),
    ] {
        let notes = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(1) && notes.contains(expected),
            "{notes}"
        );
    }
    Ok(())
}
