//! The console, by a browser and by a client that keeps cookies: what people do with it, what strangers write into it, and whether its
//! figures are those of the database.

mod browser;
mod client;
mod figures;
mod lake;
mod opening;
mod pipelines;
mod rejections;
mod sessions;

use anyhow::{Context as _, Result, ensure};
use event_samples::sparkpost::{Generator, GeneratorOptions};
use serde_json::{Value, json};
use sqlx::Row as _;
use time::{Duration, OffsetDateTime, macros::datetime};

use self::{
    browser::{Page, Plan, drive},
    client::Client,
    sessions::Sessions,
};
use crate::logs::all_log_lines;
use crate::stack::{Stack, fresh_id};

/// Days in which no other test has events: three in which a browser searches, and one of strangers.
const DAYS: &str = "from=2021-04-05&to=2021-04-08";
const START: OffsetDateTime = datetime!(2021-04-05 00:00 UTC);
const STRANGERS_DAY: &str = "from=2021-05-04&to=2021-05-05";
const STRANGERS_TIME: i64 = datetime!(2021-05-04 12:00 UTC).unix_timestamp();
const DOMAIN: &str = "yahoo.example";

/// What a stranger writes to be executed, in text and in an attribute.
const SCRIPTS: [&str; 3] = [
    "<script>window.planted=1</script>",
    "\"><img src=x onerror=\"window.planted=1\">",
    "' autofocus onfocus='window.planted=1' x='",
];

/// Pages that need a session, each answered with the sign-in page before.
const GUARDED: [&str; 18] = [
    "/console",
    "/console/events",
    "/console/events/new",
    "/console/event?id=1",
    "/console/event/json?id=1",
    "/console/message?id=1",
    "/console/recipient?address=a@example.com",
    "/console/reports/bounces",
    "/console/reports/bounces?format=csv",
    "/console/reports/engagement",
    "/console/reports/time-to-open",
    "/console/reports/engagement?format=csv",
    "/console/rejected",
    "/console/product-events",
    "/console/app-events",
    "/console/export?format=csv",
    "/console/export?format=ndjson",
    "/console/nowhere",
];

#[tokio::test]
async fn browser_finds_its_way_and_nothing_planted_runs() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    post_days(&stack).await?;
    let stranger = post_strangers_events(&stack).await?;
    let plan = Plan {
        url: &stack.file.base_url,
        key: &stack.file.keys.query,
        sessions: Sessions::of(&stack).await?,
        range: DAYS,
        domain: DOMAIN,
        pages: pages(&stranger),
        plot: format!("/console?{DAYS}"),
    };

    let report = drive(&plan).await?;

    ensure!(report.findings.is_empty(), "{:#?}", report.findings);
    ensure!(
        report.seen.looked == 4 * plan.pages.len(),
        "{:?}",
        report.seen.looked
    );
    report.seen.proof.check()?;
    let walk = &report.seen.walk;
    let of_domain = count(&stack, "event ->> 'recipient_domain' = $3").await?;
    let bounces = count(
        &stack,
        "event ->> 'recipient_domain' = $3 and type = 'bounce'",
    )
    .await?;
    ensure!(
        (walk.found, walk.bounces) == (of_domain, bounces),
        "{walk:?}, not {of_domain} and {bounces}"
    );
    ensure!(walk.files.ndjson.lines().count() as u64 == bounces);
    ensure!(walk.files.csv.lines().count() as u64 == bounces + 1);
    ensure!(
        walk.journey >= 1 && walk.recipient.contains(DOMAIN),
        "{walk:?}"
    );
    ensure!(report.seen.found_without_scripts > 0);
    figures::plot_is_of_the_database(&stack, &report.seen.plot, START, Duration::days(3)).await?;

    for line in all_log_lines(&stack).await? {
        for secret in [
            &stranger.recipient,
            &stranger.message,
            &stack.file.keys.query,
        ] {
            ensure!(
                !line.contains(secret.as_str()),
                "a log has a planted value: {line}"
            );
        }
        ensure!(
            !line.contains("window.planted"),
            "a log has a planted script: {line}"
        );
    }
    Ok(())
}

/// Pages to be looked at, with their statuses.
fn pages(stranger: &Stranger) -> Vec<Page> {
    let address = format!("/console/recipient?address={}", stranger.recipient);
    let message = format!("/console/message?id={}", stranger.message);
    let pages = [
        (format!("/console?{DAYS}"), 200),
        ("/console".to_owned(), 200),
        (format!("/console/events?{DAYS}"), 200),
        (
            format!("/console/events?{DAYS}&timezone=Asia/Kathmandu&events=open"),
            200,
        ),
        (
            "/console/events?from=2011-01-01&to=2011-01-02&campaigns=none".to_owned(),
            200,
        ),
        ("/console/events?from=yesterday".to_owned(), 400),
        (format!("/console/reports/bounces?{DAYS}"), 200),
        (format!("/console/reports/engagement?{DAYS}"), 200),
        (format!("/console/reports/time-to-open?{DAYS}"), 200),
        (
            format!("/console/reports/time-to-open?{STRANGERS_DAY}"),
            200,
        ),
        ("/console/rejected?from=-300d".to_owned(), 200),
        (
            "/console/rejected?from=-30d&pipeline=app_events&reason=old".to_owned(),
            200,
        ),
        ("/console/product-events?from=-30d".to_owned(), 200),
        ("/console/product-events?query=sql".to_owned(), 200),
        (
            "/console/product-events?query=funnel&first=%3Cscript%3E".to_owned(),
            200,
        ),
        (
            "/console/product-events?query=retention&run=nothing".to_owned(),
            404,
        ),
        ("/console/app-events?from=-30d".to_owned(), 200),
        ("/console/nowhere".to_owned(), 404),
        (format!("/console?{STRANGERS_DAY}"), 200),
        (format!("/console/events?{STRANGERS_DAY}"), 200),
        (format!("/console/event?{STRANGERS_DAY}&events=bounce"), 200),
        (format!("/console/event?{STRANGERS_DAY}&events=click"), 200),
        (format!("/console/reports/bounces?{STRANGERS_DAY}"), 200),
        (format!("/console/reports/engagement?{STRANGERS_DAY}"), 200),
        (
            format!("/console/reports/engagement?{STRANGERS_DAY}&by=template"),
            200,
        ),
        (address, 200),
        (message, 200),
    ];
    pages
        .map(|(address, status)| Page { address, status })
        .to_vec()
}

#[tokio::test]
async fn no_page_answers_without_a_session() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let client = Client::stranger(&stack);

    let root = client.get("/").await?;
    ensure!(
        (root.status, root.location.as_str()) == (303, "/console"),
        "{root:?}"
    );
    for path in GUARDED {
        for cookie in ["", "v1.1.1.00.00"] {
            let seen = client.get_with(path, cookie).await?;
            ensure!(seen.status == 403, "{path} is {}", seen.status);
            ensure!(
                seen.body.contains("name=\"key\"") && !seen.body.contains("Sign out"),
                "{path}"
            );
        }
        // The key opens the API, and the console by its form alone.
        let request = stack.http.get(format!("{}{path}", stack.file.base_url));
        let answer = request
            .header("authorization", &stack.file.keys.query)
            .send()
            .await?;
        ensure!(
            answer.status() == 403,
            "{path} is {} to a key in a header",
            answer.status()
        );
    }
    let signed_in = Client::signed_in(&stack).await?;
    ensure!(signed_in.get("/console").await?.status == 200);
    Ok(())
}

#[tokio::test]
async fn figures_are_those_of_the_database() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    figures::check(&stack).await
}

async fn count(stack: &Stack, condition: &str) -> Result<u64> {
    let sql =
        format!("select count(*) from email_events where ts >= $1 and ts < $2 and {condition}");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(START)
        .bind(START + Duration::days(3))
        .bind(DOMAIN)
        .fetch_one(&stack.db)
        .await?;
    Ok(u64::try_from(row.get::<i64, _>(0))?)
}

/// Three days of ordinary events, the same in each run.
async fn post_days(stack: &Stack) -> Result<()> {
    let options = GeneratorOptions {
        start: START + Duration::minutes(5),
        span: std::time::Duration::from_hours(70),
        total: 3_000,
    };
    let body = Generator::new(417, options).batch(3_000);
    let accounts = stack.deliver_gzip(&fresh_id("console-days"), &body).await?;
    ensure!(accounts.received == 3_000, "{accounts:?}");
    Ok(())
}

/// What a stranger has planted, to be looked for in logs.
struct Stranger {
    recipient: String,
    message: String,
}

/// Events with a script in every field that people who send mail, or read it, can fill.
async fn post_strangers_events(stack: &Stack) -> Result<Stranger> {
    let id = fresh_id("stranger");
    // Not the batch's own id, which is in the name of its object and so in logs.
    let (recipient, message) = (format!("{id}-to@example.com"), format!("{id}-message"));
    let kinds = [
        "injection",
        "delivery",
        "bounce",
        "open",
        "click",
        "spam_complaint",
        "x<script>window.planted=1</script>",
    ];
    let events: Vec<Value> = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| {
            let text = SCRIPTS[n % SCRIPTS.len()];
            json!({ "msys": { "message_event": {
                "type": kind, "event_id": format!("{id}-{n}"), "message_id": message, "timestamp": (STRANGERS_TIME + i64::try_from(n).unwrap_or(0)).to_string(),
                "rcpt_to": recipient, "raw_rcpt_to": recipient, "recipient_domain": text, "routing_domain": text, "subject": text,
                "campaign_id": text, "template_id": text, "template_version": text, "friendly_from": text, "msg_from": text,
                "reason": text, "raw_reason": text, "error_code": text, "bounce_class": "10", "sending_ip": text, "ip_pool": text,
                "target_link_url": format!("javascript:window.planted=1//{text}"), "target_link_name": text, "user_agent": text,
                "mailbox_provider": text, "mailbox_provider_region": text, "sending_domain": text, "ab_test_id": text,
                "rcpt_tags": [text, text], "rcpt_meta": { text: text, "user_id": text }, "geo_ip": { "city": text, "country": text },
                "transmission_id": text, "fbtype": text, "report_by": text, "report_to": text, "mailfrom": text, text: text,
            } } })
        })
        .collect();
    let accounts = stack.deliver(&id, serde_json::to_vec(&events)?).await?;
    let stored = u64::try_from(accounts.inserted)?;
    ensure!(stored >= 6, "{accounts:?}");
    Ok(Stranger { recipient, message })
}

/// A session of one stack is none of another, under either stack's name of the cookie.
pub(crate) async fn session_opens_nothing_elsewhere(of: &Stack, elsewhere: &Stack) -> Result<()> {
    let client = Client::signed_in(of).await?;
    let there = Client::stranger(elsewhere);
    let name = there.session_name().await?;
    let value = client.session.as_deref().context("a session")?;
    for cookie in [format!("{name}={value}"), client.cookie()] {
        let seen = there.get_with_cookie("/console", &cookie).await?;
        ensure!(
            seen.status == 403,
            "another stack's session is answered {}",
            seen.status
        );
    }
    Ok(())
}
