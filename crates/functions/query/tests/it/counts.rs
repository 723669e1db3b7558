//! Events counted in groups.

use axum::http::StatusCode;
use serde_json::json;
use sqlx::{Executor, PgPool};

use crate::service::{Answer, NOW, Service, TestEvent};

async fn count(service: &Service, query: &str) -> Answer {
    service.get(&format!("/api/v1/events/counts?{query}")).await
}

#[sqlx::test(migrations = "../../../migrations")]
async fn groups_by_time_come_in_its_order_and_others_from_the_largest(pool: PgPool) {
    let service = Service::over(&pool);
    // Noon in UTC, and late enough that day in Auckland that two hours later it is the next day there.
    let noon = NOW.unix_timestamp() - 5 * 86_400;
    let events = [
        TestEvent::new(1, "open", noon - 86_400),
        TestEvent::new(2, "click", noon),
        TestEvent::new(3, "bounce", noon + 2 * 3_600).with("campaign_id", "summer"),
        TestEvent::new(4, "bounce", noon + 3 * 3_600).with("campaign_id", "summer"),
    ];
    service.load(&events).await;

    let by_type = count(&service, "group_by=type&from=2026-11-01").await;
    let by_day = count(
        &service,
        "group_by=day,campaign&from=2026-11-01&timezone=Pacific/Auckland",
    )
    .await;
    let opens = count(&service, "group_by=hour&from=2026-11-01&events=open").await;
    let none = count(&service, "group_by=hour&from=2026-11-01&events=delay").await;

    assert_eq!(
        by_type.json(),
        json!({"results": [
            {"type": "bounce", "count": 2},
            {"type": "click", "count": 1},
            {"type": "open", "count": 1},
        ]})
    );
    assert_eq!(
        by_day.json(),
        json!({"results": [
            {"day": "2026-11-16", "campaign": null, "count": 1},
            {"day": "2026-11-17", "campaign": "summer", "count": 2},
            {"day": "2026-11-17", "campaign": null, "count": 1},
        ]})
    );
    assert_eq!(
        opens.json(),
        json!({"results": [{"hour": "2026-11-15T12:00", "count": 1}]})
    );
    assert_eq!(none.json(), json!({"results": []}));
}

#[sqlx::test(migrations = "../../../migrations")]
async fn more_groups_than_anyone_looks_at_are_refused(pool: PgPool) {
    let service = Service::over(&pool);
    pool.execute(
        "select ensure_partition('2026-11-20');
         insert into email_events (ts, event_key, type, campaign_id, event)
         select '2026-11-20 13:00+00', gen_random_uuid(), 'open', number::text, '{}'
         from generate_series(1, 10000) as number",
    )
    .await
    .unwrap();
    let from = "from=2026-11-20T00:00";

    let largest = count(&service, &format!("group_by=campaign&{from}")).await;
    pool.execute(
        "insert into email_events (ts, event_key, type, event)
         values ('2026-11-20 13:00+00', gen_random_uuid(), 'open', '{}')",
    )
    .await
    .unwrap();
    let larger = count(&service, &format!("group_by=campaign&{from}")).await;

    assert_eq!(largest.status, StatusCode::OK);
    assert_eq!(largest.json()["results"].as_array().unwrap().len(), 10_000);
    assert_eq!(larger.status, StatusCode::BAD_REQUEST);
    assert_eq!(larger.json()["errors"][0]["param"], "group_by");
}

#[sqlx::test(migrations = "../../../migrations")]
async fn wrong_dimension_is_refused_by_name(pool: PgPool) {
    let service = Service::over(&pool);

    for query in ["", "group_by=", "group_by=weekday", "group_by=day%27"] {
        let answer = count(&service, query).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.json()["errors"][0]["param"], "group_by", "{query}");
    }
}

/// The members that dimensions count, the parameters that filter on them, and values with the same meaning.
const DIMENSIONS: [(&str, &str, &str, &[&str]); 5] = [
    (
        "subaccount",
        "subaccounts",
        "subaccount_id",
        &["0", "", "7"],
    ),
    ("campaign", "campaigns", "campaign_id", &["summer", "", "7"]),
    (
        "mailbox_provider",
        "mailbox_providers",
        "mailbox_provider",
        &["Gmail", "", "7"],
    ),
    ("provider", "provider", "provider", &["resend", "sparkpost"]),
    (
        "recipient_domain",
        "recipient_domains",
        "recipient_domain",
        &["a.b", "7"],
    ),
];

#[sqlx::test(migrations = "../../../migrations")]
async fn groups_are_distinct_and_hold_what_a_search_for_them_finds(pool: PgPool) {
    let service = Service::over(&pool);
    for (dimension, parameter, member, values) in DIMENSIONS {
        // Every value twice, and once null.
        let values = values.iter().chain(values.iter()).map(|value| json!(value));
        let values = values.chain([json!(null)]);
        let events: Vec<_> = (1..)
            .zip(values)
            .map(|(id, value)| {
                TestEvent::new(id, "open", NOW.unix_timestamp() - 3_600).with(member, value)
            })
            .collect();
        service.load(&events).await;
        let groups = count(&service, &format!("group_by={dimension}")).await;

        let results = groups.json()["results"].as_array().unwrap().clone();
        let mut keys: Vec<_> = results.iter().map(|group| &group[dimension]).collect();
        keys.dedup();
        assert_eq!(keys.len(), results.len(), "{dimension}: {results:?}");
        let nameless = results
            .iter()
            .filter(|group| matches!(group[dimension].as_str(), None | Some("" | "0")));
        assert!(nameless.count() <= 1, "{dimension}: {results:?}");
        for group in &results {
            let Some(key) = group[dimension].as_str() else {
                continue;
            };
            let found = service.search(&format!("{parameter}={key}")).await;
            assert_eq!(found.total_count(), group["count"], "{dimension}={key}");
        }
        pool.execute("delete from email_events; delete from batches")
            .await
            .unwrap();
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn order_of_groups_is_the_same_with_and_without_zeros(pool: PgPool) {
    let service = Service::over(&pool);
    let noon = NOW.unix_timestamp() - 2 * 86_400;
    let classes = ["", "1", "10", "2", "100", "20"];
    let events: Vec<_> = (0..12)
        .zip(classes.iter().cycle())
        .map(|(id, class)| {
            let day = i64::try_from(id % 4 / 2).unwrap();
            TestEvent::new(id, "bounce", noon + day * 86_400)
                .with("bounce_class", *class)
                .with("campaign_id", format!("c{}", id % 5))
        })
        .collect();
    service.load(&events).await;

    for group_by in [
        "bounce_class,day",
        "day,bounce_class",
        "bounce_class,day,campaign",
        "campaign,bounce_kind,day",
        "subaccount,week,bounce_class",
    ] {
        for order in ["", "&order=group", "&order=count"] {
            let query = format!("group_by={group_by}&from=2026-11-18&to=2026-11-22{order}");
            let without = count(&service, &query).await.json();
            let mut with = count(&service, &format!("{query}&zeros=true")).await.json();

            let groups = with["results"].as_array_mut().unwrap();
            groups.retain(|group| group["count"] != 0);
            assert_eq!(with, without, "{query}");
        }
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn zeros_fill_each_time_for_each_other_group_and_skip_the_hour_that_clocks_skip(
    pool: PgPool,
) {
    let service = Service::over(&pool);
    // In Berlin, 29 March 2026 has no hour from two to three, and 25 October has two.
    let spring = 1_774_746_000; // 01:00 UTC on 29 March, 03:00 in Berlin
    service
        .load(&[
            TestEvent::new(1, "open", spring).with("campaign_id", "a"),
            TestEvent::new(2, "open", spring + 7_200),
        ])
        .await;

    let hours = count(
        &service,
        "group_by=hour&zeros=true&from=2026-03-29T00:30&to=2026-03-29T05:15&timezone=Europe/Berlin",
    )
    .await;
    let both = count(
        &service,
        "group_by=campaign,day&zeros=true&from=2026-03-28T00:00Z&to=2026-03-30T00:00Z&order=group",
    )
    .await;
    let fixed = count(
        &service,
        "group_by=day&zeros=true&from=2026-03-28&to=2026-03-31",
    )
    .await;
    let weeks = count(
        &service,
        "group_by=week&zeros=true&from=2026-03-23&to=2026-04-01&events=open",
    )
    .await;
    let none = count(
        &service,
        "group_by=day&zeros=true&from=2026-01-01&to=2026-01-03&events=click",
    )
    .await;

    let of = |answer: &Answer, name: &str| -> Vec<(String, u64)> {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        let results = answer.json()["results"].as_array().unwrap().clone();
        results
            .iter()
            .map(|group| {
                (
                    group[name].as_str().unwrap().to_owned(),
                    group["count"].as_u64().unwrap(),
                )
            })
            .collect()
    };
    let expected = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs
            .iter()
            .map(|(key, count)| ((*key).to_owned(), *count))
            .collect()
    };
    assert_eq!(
        of(&hours, "hour"),
        expected(&[
            ("2026-03-29T00:00", 0),
            ("2026-03-29T01:00", 0),
            ("2026-03-29T03:00", 1),
            ("2026-03-29T04:00", 0),
            ("2026-03-29T05:00", 1),
        ])
    );
    assert_eq!(
        both.json()["results"],
        json!([
            {"campaign": "a", "day": "2026-03-28", "count": 0},
            {"campaign": "a", "day": "2026-03-29", "count": 1},
            {"campaign": null, "day": "2026-03-28", "count": 0},
            {"campaign": null, "day": "2026-03-29", "count": 1},
        ])
    );
    assert_eq!(
        of(&fixed, "day"),
        expected(&[("2026-03-28", 0), ("2026-03-29", 2), ("2026-03-30", 0)])
    );
    assert_eq!(
        of(&weeks, "week"),
        expected(&[("2026-W13", 2), ("2026-W14", 0)])
    );
    assert_eq!(
        of(&none, "day"),
        expected(&[("2026-01-01", 0), ("2026-01-02", 0)])
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn top_groups_recipients_words_and_tables(pool: PgPool) {
    let service = Service::over(&pool);
    let at = NOW.unix_timestamp() - 3_600;
    let event = |id, class: u8, to: &str| {
        TestEvent::new(id, "bounce", at)
            .with("bounce_class", class.to_string())
            .with("rcpt_to", to)
            .with("campaign_id", format!("=c{class}"))
    };
    service
        .load(&[
            event(1, 10, "a@example.com"),
            event(2, 10, "A@example.com"),
            event(3, 22, "a@example.com"),
            event(4, 22, "b@example.com"),
            event(5, 22, "b@example.com"),
            event(6, 77, "c@example.com"),
            TestEvent::new(7, "open", at),
        ])
        .await;

    let top = count(
        &service,
        "group_by=bounce_words&limit=1&unique=recipients&events=bounce",
    )
    .await;
    let kinds = count(&service, "group_by=bounce_kind&order=group").await;
    let table = count(
        &service,
        "group_by=campaign&format=csv&limit=2&unique=recipients&events=bounce",
    )
    .await;
    let lines = count(&service, "group_by=type&format=ndjson").await;

    assert_eq!(
        top.json(),
        json!({"results": [{"bounce_words": "22: mailbox full (soft)", "count": 3, "recipients": 2}]})
    );
    assert_eq!(
        kinds.json(),
        json!({"results": [
            {"bounce_kind": "hard", "count": 2},
            {"bounce_kind": "soft", "count": 3},
            {"bounce_kind": "undetermined", "count": 1},
            {"bounce_kind": null, "count": 1},
        ]})
    );
    // What a spreadsheet would execute begins with an apostrophe.
    assert_eq!(
        String::from_utf8(table.bytes).unwrap(),
        "campaign,count,recipients\r\n'=c22,3,2\r\n'=c10,2,1\r\n"
    );
    assert_eq!(
        String::from_utf8(lines.bytes).unwrap(),
        "{\"type\":\"bounce\",\"count\":6}\n{\"type\":\"open\",\"count\":1}\n"
    );
}

#[sqlx::test(migrations = "../../../migrations")]
async fn exact_match_finds_the_whole_text_in_any_case_and_nothing_around_it(pool: PgPool) {
    let service = Service::over(&pool);
    let at = NOW.unix_timestamp() - 3_600;
    let names = [
        "black-friday",
        "Black Friday",
        "black-friday-2026",
        "BLACK-FRIDAY",
        "Éclair",
        "x",
    ];
    let events: Vec<_> = (1..)
        .zip(names)
        .map(|(id, name)| {
            TestEvent::new(id, "open", at)
                .with("campaign_id", name)
                .with("recipient_domain", "mail.example.com")
        })
        .collect();
    service.load(&events).await;

    for (query, expected) in [
        ("campaigns=black-friday", vec![1, 2, 3, 4]),
        ("campaigns=black-friday&match=words", vec![1, 2, 3, 4]),
        ("campaigns=black-friday&match=exact", vec![1, 4]),
        ("campaigns=black+friday,X&match=exact", vec![2, 6]),
        ("campaigns=%C3%A9CLAIR&match=exact", vec![5]),
        ("recipient_domains=example.com&match=exact", vec![]),
    ] {
        let mut found = service.search(query).await.event_ids();
        found.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn walk_from_an_age_keeps_its_range_and_counts_nothing_if_asked(pool: PgPool) {
    let service = Service::over(&pool);
    let events: Vec<_> = (0..5)
        .map(|id| {
            TestEvent::new(
                id,
                "open",
                NOW.unix_timestamp() - 3_600 * i64::try_from(id + 1).unwrap(),
            )
        })
        .collect();
    service.load(&events).await;

    let first = service
        .search("from=-4h&to=now&per_page=2&total_count=none")
        .await;
    let next = first.next().unwrap();
    let second = service.get(&next).await;

    assert_eq!(first.event_ids(), [0, 1]);
    assert_eq!(first.total_count(), 3);
    assert_eq!(first.json()["total_count_relation"], "gte");
    assert!(next.contains("from=2026-11-21T08%3A00%3A00Z"), "{next}");
    assert_eq!(second.event_ids(), [2, 3]);
    assert_eq!(second.next(), None);
    let cursor = next.split("cursor=").nth(1).unwrap();
    let repeated = service
        .search(&format!(
            "from=-4h&to=now&per_page=2&total_count=none&cursor={cursor}"
        ))
        .await;
    assert_eq!(repeated.event_ids(), [2, 3]);
}
