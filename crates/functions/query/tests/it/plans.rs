//! The plan of each kind of search: Postgres never reads the whole table.

use std::collections::BTreeSet;

use event_model::{EventKey, Timestamp};
use event_query::{Bind, CountQuery, EventQuery, PageStart, Position, Statement};
use event_store::{Maintenance, Store};
use sqlx::{AssertSqlSafe, Executor, PgPool, types::Uuid};
use time::macros::datetime;

use crate::service::{NOW, Service, indexed_keys};

const EVENTS: &str = "1000000";

/// Searches that few events match, each kind of filter alone.
const RARE: [&str; 32] = [
    "recipients=user7@mail.example",
    "recipients=user7@mail.example,user8@mail.example",
    "recipients=User7@Mail.example",
    "messages=m77",
    "messages=m77,m78",
    "transmissions=t77",
    "transmissions=t77,t78",
    "event_ids=777",
    "event_ids=777,778",
    "events=bounce",
    "events=bounce,spam_complaint",
    "bounce_classes=12",
    "subaccounts=7",
    "from_addresses=news@list7.example",
    "from_addresses=News <News@List7.example>",
    "sending_ips=10.0.0.7",
    "subjects=%23777",
    "subjects=order %23777",
    "subjects=order %2312345,order %2312346",
    "subjects=your order %2377,%2378",
    "subjects=Été %23777",
    "campaigns=Été—2026,launch-7",
    "reasons=5.1.7",
    "campaigns=launch-7",
    "templates=77",
    "recipient_domains=corp77.example",
    "sending_domains=list7",
    "ab_tests=test-7&ab_test_versions=1",
    "tags=tag-7",
    "metadata.user_id=777",
    "provider=postmark",
    "provider=postmark,resend",
];

/// Searches that many events match, or all.
const FREQUENT: [&str; 8] = [
    "",
    "events=delivery",
    "events=delivery,open,click",
    "subjects=order",
    "recipient_domains=mail.example",
    "reason=mailbox",
    "subaccounts=0",
    "provider=sparkpost",
];

/// The number of weeks with events, and the first of them. Earlier weeks are empty.
const WEEKS: usize = 14;
const FIRST_WEEK: &str = "email_w202634";
const QUARTER: &str = "from=2026-08-17T00:00&to=2026-11-21T00:00";
const DAY: &str = "from=2026-10-14T00:00&to=2026-10-15T00:00";
const WEEK_OF_MIDST: &str = "email_w202642";

/// A position in the middle of both ranges.
fn midst() -> Position {
    Position {
        ts: Timestamp::from_time(datetime!(2026-10-14 12:00 UTC)),
        event_key: EventKey::from_u128(7),
    }
}

/// The relations that a plan reads.
#[derive(Debug)]
struct Plan {
    text: String,
    partitions: BTreeSet<String>,
    /// Those with events.
    reads_whole_partitions: bool,
}

impl Plan {
    async fn of(pool: &PgPool, statement: &Statement) -> Self {
        let explain = format!("explain {}", statement.sql);
        let mut query = sqlx::query_scalar(AssertSqlSafe(explain));
        for bind in &statement.binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::TextArray(texts) => query.bind(texts),
                Bind::SmallIntArray(numbers) => query.bind(numbers),
                Bind::IntArray(numbers) => query.bind(numbers),
                Bind::BigInt(number) => query.bind(number),
                Bind::Timestamp(time) => query.bind(time),
                Bind::Uuid(bits) => query.bind(Uuid::from_u128(*bits)),
                Bind::UuidArray(_) => panic!("no search binds this"),
            };
        }
        let lines: Vec<String> = query.fetch_all(pool).await.unwrap();

        let partitions_of = |scan: &str| -> BTreeSet<String> {
            lines
                .iter()
                .filter(|line| line.contains(scan) && !line.contains("Bitmap Index Scan"))
                .filter_map(|line| line.split_once(" on ")?.1.split_whitespace().next())
                .filter(|name| name.starts_with("email_w"))
                .map(str::to_owned)
                .collect()
        };
        Self {
            partitions: partitions_of("Scan"),
            reads_whole_partitions: partitions_of("Seq Scan")
                .iter()
                .any(|week| week.as_str() >= FIRST_WEEK),
            text: lines.join("\n"),
        }
    }
}

async fn load_events(pool: &PgPool, store: &Store) {
    let maintenance = Maintenance {
        now: NOW,
        retention: None,
        partitions_ahead: 0,
        metadata_keys: vec!["user_id".parse().unwrap()],
        removes: true,
    };
    store.maintain(&maintenance).await.unwrap();
    let sql = include_str!("plans.sql").replace("$EVENTS$", EVENTS);
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    // Fewer samples make worse guesses in a quarter of the time.
    pool.execute("set default_statistics_target = 25; analyze email_events")
        .await
        .unwrap();
}

fn search(filters: &str, range: &str) -> EventQuery {
    let query = format!("{filters}&{range}").replace(' ', "%20");
    EventQuery::parse(&query, NOW, &indexed_keys()).unwrap()
}

fn counts(filters: &str, range: &str) -> Statement {
    let query = format!("group_by=day,type&{filters}&{range}").replace(' ', "%20");
    CountQuery::parse(&query, NOW, &indexed_keys())
        .unwrap()
        .statement()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn no_search_reads_more_than_it_must(pool: PgPool) {
    load_events(&pool, &Service::over(&pool).store).await;

    for filters in RARE {
        let query = search(filters, QUARTER);
        for statement in [
            query.fetch_statement(PageStart::Beginning, 1_001),
            query.fetch_statement(PageStart::After(midst()), 1_001),
            query.fetch_statement(PageStart::Skipping(100), 1_001),
            query.count_statement(Some(10_001)),
            query.count_statement(None),
            counts(filters, QUARTER),
        ] {
            let plan = Plan::of(&pool, &statement).await;
            assert!(
                !plan.reads_whole_partitions && plan.partitions.len() <= WEEKS,
                "{filters}\n{}\n{}",
                statement.sql,
                plan.text
            );
        }
    }

    for filters in FREQUENT {
        let query = search(filters, QUARTER);
        // A page ends early, so the plan walks the index that has its order.
        for place in [PageStart::Beginning, PageStart::After(midst())] {
            let plan = Plan::of(&pool, &query.fetch_statement(place, 1_001)).await;
            assert!(!plan.reads_whole_partitions, "{filters}\n{}", plan.text);
        }
        // Counting reads every match, but only within the range.
        for statement in [query.count_statement(None), counts(filters, QUARTER)] {
            let plan = Plan::of(&pool, &statement).await;
            assert!(plan.partitions.len() <= WEEKS, "{filters}\n{}", plan.text);
        }
    }

    for filters in RARE.into_iter().chain(FREQUENT) {
        let query = search(filters, DAY);
        for statement in [
            query.fetch_statement(PageStart::Beginning, 1_001),
            query.fetch_statement(PageStart::After(midst()), 1_001),
            query.count_statement(Some(10_001)),
            query.count_statement(None),
            counts(filters, DAY),
        ] {
            let plan = Plan::of(&pool, &statement).await;
            assert_eq!(
                Vec::from_iter(&plan.partitions),
                [WEEK_OF_MIDST],
                "{filters}\n{}",
                plan.text
            );
        }

        let next = search(filters, QUARTER).fetch_statement(PageStart::After(midst()), 1_001);
        let plan = Plan::of(&pool, &next).await;
        assert!(
            plan.partitions
                .iter()
                .all(|week| week.as_str() <= WEEK_OF_MIDST),
            "weeks newer than the position\n{filters}\n{}",
            plan.text
        );
    }

    let one = EventQuery::of_event("777", "").unwrap();
    let plan = Plan::of(&pool, &one.fetch_statement(PageStart::Beginning, 1_001)).await;
    assert!(!plan.reads_whole_partitions, "{}", plan.text);
}
