//! What the console asks is what the API understands: its own parser reads every request.

use event_query::{CountQuery, EventQuery, IndexedKeys, RejectedQuery, SumsQuery};
use time::macros::datetime;

use crate::{
    api::{Api, Asked},
    browser::{Browser, event},
};

const SEARCHES: [&str; 9] = [
    "",
    "from=-30d",
    "from=-400d&timezone=Europe/Berlin",
    "from=2026-10-01&to=2026-11-01T12:30&timezone=%2B05:30",
    "recipients=ada%40example.com&events=bounce&events=open,click&campaigns=winter&templates=t&recipient_domains=example.com&sending_domains=mail.example.com",
    "subjects=Twelve%20books&reason=mailbox%20is&reasons=full&bounce_classes=22&from_addresses=a%40b.c&messages=m1&transmissions=4173&event_ids=1",
    "subaccounts=0&mailbox_providers=Gmail&mailbox_provider_regions=Europe&sending_ips=192.0.2.1&ip_pools=p&ab_tests=a&ab_test_versions=1&tags=t&provider=sendgrid,sparkpost",
    "metadata=plan:gold&metadata.user_id=u-1",
    "campaign_ids=winter&message_ids=m1&friendly_froms=a%40b.c",
];

fn understood(asked: &Asked) -> Result<(), String> {
    let now = datetime!(2026-11-21 12:00 UTC);
    let keys = IndexedKeys::new(["plan".to_owned(), "user_id".to_owned()]);
    // The API's links lead to pages of the same search, and the stand-in's cursors are numbers.
    let pairs = asked.query.iter().filter(|(name, _)| name != "cursor");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let read = match asked.path.as_str() {
        "/api/v1/events/counts" => CountQuery::parse(&query, now, &keys).map(|_| ()),
        "/api/v1/sums" => SumsQuery::parse(&query, now).map(|_| ()),
        "/api/v1/rejected" => RejectedQuery::parse(&query, now).map(|_| ()),
        "/api/v1/events/message" => EventQuery::parse(&query, now, &keys).map(|_| ()),
        path => {
            return path
                .strip_prefix("/api/v1/events/message/")
                .map(|_| ())
                .ok_or_else(|| path.to_owned());
        }
    };
    read.map_err(|error| format!("{error}: {query}"))
}

#[tokio::test]
async fn every_request_is_one_that_the_api_understands() {
    let api = Api::over(vec![event("open", 1, 5), event("bounce", 2, 6)]).await;
    let mut browser = Browser::signed_in(&api).await;

    for search in SEARCHES {
        for path in [
            "/console",
            "/console/events",
            "/console/event",
            "/console/reports/bounces",
            "/console/reports/engagement",
            "/console/reports/engagement?by=mailbox_provider&format=csv",
            "/console/reports/bounces?format=csv",
            "/console/reports/time-to-open",
            "/console/rejected?pipeline=app_events&reason=x",
            "/console/product-events",
            "/console/app-events",
            "/console/export?format=csv",
            "/console/export?format=ndjson",
            "/console/events/new",
            "/console/recipient?address=ada@example.com",
            "/console/message?id=m0",
            "/console/event?id=1",
        ] {
            let joint = if path.contains('?') { '&' } else { '?' };
            let seen = browser.get(&format!("{path}{joint}{search}")).await;
            assert!(
                seen.status.is_success() || seen.status == 404,
                "{path} {search}: {}",
                seen.text()
            );
        }
    }

    let asked = api.asked();
    assert!(asked.len() > 200);
    let wrong: Vec<_> = asked
        .iter()
        .filter_map(|asked| understood(asked).err())
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}
