//! Parameters that are absurd, oversized or malicious: refused by name, with a reason, and before the database is used.

use axum::http::StatusCode;

use crate::service::Service;

/// The query string and the parameter that is refused.
const CASES: [(&str, &str); 90] = [
    // Numbers.
    ("per_page=0", "per_page"),
    ("per_page=-1", "per_page"),
    ("per_page=10001", "per_page"),
    ("per_page=1.5", "per_page"),
    ("per_page=1e3", "per_page"),
    ("per_page=0x10", "per_page"),
    ("per_page=%2B10", "per_page"),
    ("per_page=1_000", "per_page"),
    ("per_page=%D9%A1%D9%A0", "per_page"),
    ("per_page=NaN", "per_page"),
    ("per_page=null", "per_page"),
    ("per_page=true", "per_page"),
    ("per_page=10;drop table email_events", "per_page"),
    ("per_page=99999999999999999999999999", "per_page"),
    ("per_page=10&per_page=10", "per_page"),
    ("page=0", "page"),
    ("page=-1", "page"),
    ("page=1.0", "page"),
    ("page=102", "page"),
    ("page=4294967295&per_page=10000", "page"),
    ("page=4294967296", "page"),
    ("page=1&page=2", "page"),
    ("bounce_classes=ten", "bounce_classes"),
    ("bounce_classes=10,32768", "bounce_classes"),
    ("bounce_classes=10.0", "bounce_classes"),
    ("bounce_classes=10) or (1=1", "bounce_classes"),
    ("subaccounts=master", "subaccounts"),
    ("subaccounts=2147483648", "subaccounts"),
    ("subaccounts=1,,2,x", "subaccounts"),
    ("subaccounts=1 or 1=1", "subaccounts"),
    // Times.
    ("from=now", "from"),
    ("from=yesterday", "from"),
    ("from=-1", "from"),
    ("from=1454442600", "from"),
    ("from=1454442600000", "from"),
    ("from=2026", "from"),
    ("from=2026-11", "from"),
    ("from=2026-11-31", "from"),
    ("from=2026-02-29T00:00", "from"),
    ("from=2026-11-20T24:00", "from"),
    ("from=2026-11-20T23:60", "from"),
    ("from=2026-11-20T23:59:60Z", "from"),
    ("from=20261120T000000Z", "from"),
    ("from=2026-11-20T00:00:00%2B99:00", "from"),
    ("from=%2B002026-11-20T00:00", "from"),
    ("from=-2026-11-20T00:00", "from"),
    ("from=11/20/2026", "from"),
    ("from=2026-11-20T00:00'", "from"),
    (
        "from=2026-11-20T00:00Z'%3B drop table email_events%3B --",
        "from",
    ),
    ("from=(select now())", "from"),
    ("from=infinity", "from"),
    ("from=2026-11-20&from=2026-11-20", "from"),
    ("from=2026-11-20&to=2026-11-19", "from"),
    ("from=9999-12-31T23:59-23:59", "from"),
    ("to=tomorrow", "to"),
    ("to=-infinity", "to"),
    ("to=0000-01-01T00:00%2B01:00", "to"),
    ("to=2026-11-20T00:00:00.Z", "to"),
    ("timezone=Mars/Olympus", "timezone"),
    ("timezone=UTC%2B2", "timezone"),
    ("timezone=..%2F..%2Fetc%2Fpasswd", "timezone"),
    ("timezone=%2B24:00", "timezone"),
    ("timezone=UTC'%3B select pg_sleep(9)--", "timezone"),
    // Choices.
    ("events=bounce;open", "events"),
    ("events=Bounce", "events"),
    ("events=bounce click", "events"),
    ("events=bounce%00", "events"),
    ("events=bounce') or ('1'='1", "events"),
    ("events=%27%3B drop table email_events%3B --", "events"),
    ("events=*", "events"),
    ("events=bounce,click&delimiter=%3B", "events"),
    ("format=xml", "format"),
    ("format=JSON", "format"),
    ("links=array", "links"),
    ("total_count=1", "total_count"),
    // Texts.
    ("recipients=a%00b@example.com", "recipients"),
    ("recipients=%ff%fe", "recipients"),
    ("recipients=%C0%AF", "recipients"),
    ("recipients=%ED%A0%80", "recipients"),
    ("subjects=---", "subjects"),
    ("subjects=ok,_", "subjects"),
    ("sending_domains=...", "sending_domains"),
    ("reason=%00", "reason"),
    ("metadata.user_id=%00", "metadata.user_id"),
    ("metadata.password=x", "metadata.password"),
    ("metadata.user_id' or '1'='1=x", "metadata.user_id' or '1'"),
    ("ab_test_versions=1", "ab_test_versions"),
    // Cursors.
    ("cursor=initial2", "cursor"),
    ("cursor=AAAA", "cursor"),
    ("cursor=..%2F..%2Fetc%2Fpasswd", "cursor"),
];

#[tokio::test]
async fn each_is_refused_by_name_before_anything_is_asked_of_the_database() {
    // There is no database: a parameter that passed would be a 503.
    let service = Service::with(|_| {});

    for (query, param) in CASES {
        for search in [
            "/api/v1/events/message?",
            "/api/v1/message-events?",
            "/api/v1/events/counts?group_by=day&",
        ] {
            let answer = service
                .get(&format!("{search}{}", query.replace(' ', "%20")))
                .await;

            let json = answer.json();
            let description = json["errors"][0]["description"]
                .as_str()
                .unwrap_or_default();
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {json}");
            assert_eq!(json["errors"][0]["param"], param, "{query}");
            assert!(
                description.starts_with(param) && description.len() > param.len() + 10,
                "{query}: {description}"
            );
        }
    }
}

#[tokio::test]
async fn oversized_uris_are_refused_whatever_they_hold() {
    let service = Service::with(|_| {});

    for filler in ["a", "%00", "&events=bounce", "%25", "x=&", "metadata.a=b&"] {
        let uri = format!(
            "/api/v1/events/message?{}",
            filler.repeat(5_000 / filler.len())
        );
        assert_eq!(
            service.get(&uri).await.status,
            StatusCode::URI_TOO_LONG,
            "{filler}"
        );
    }
}
