//! Random searches over random events, held against a filter that anybody can check.

use event_query::EventQuery;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use sqlx::PgPool;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::service::{NOW, Service, TestEvent, ids_newest_first};

const TYPES: [&str; 5] = ["bounce", "click", "delivery", "injection", "spam_complaint"];
/// A range that a few weeks' partitions cover.
const OLDEST: i64 = 1_792_800_000;
const NEWEST: i64 = 1_795_260_000;

/// What is asked for, before it becomes a query string.
#[derive(Debug, Clone)]
struct Search {
    from: i64,
    to: i64,
    types: Vec<&'static str>,
    recipients: Vec<u64>,
    per_page: usize,
}

impl Search {
    fn to_query(&self) -> String {
        let time = |unix| {
            OffsetDateTime::from_unix_timestamp(unix)
                .unwrap()
                .format(&Rfc3339)
                .unwrap()
        };
        let recipients: Vec<_> = self
            .recipients
            .iter()
            .map(|n| format!("User-{n}%40Example.COM"))
            .collect();
        format!(
            "from={}&to={}&events={}&recipients={}&per_page={}",
            time(self.from),
            time(self.to),
            self.types.join(","),
            recipients.join(","),
            self.per_page
        )
    }

    fn finds(&self, event: &TestEvent) -> bool {
        let is_of_type = self.types.is_empty() || self.types.contains(&event.event_type);
        let is_to_recipient =
            self.recipients.is_empty() || self.recipients.contains(&(event.id % 7));
        self.from <= event.unix_seconds
            && event.unix_seconds < self.to
            && is_of_type
            && is_to_recipient
    }
}

prop_compose! {
    fn events()(
        kinds in prop::collection::vec((prop::sample::select(&TYPES[..]), seconds()), 1_500),
    ) -> Vec<TestEvent> {
        (0..).zip(kinds).map(|(id, (event_type, seconds))| TestEvent::new(id, event_type, seconds)).collect()
    }
}

prop_compose! {
    fn searches()(
        mut ends in [seconds(), seconds()],
        types in prop::sample::subsequence(TYPES.to_vec(), 0..=3),
        recipients in prop::collection::vec(0..9_u64, 0..=3),
        per_page in prop::sample::select(vec![1, 7, 100, 10_000]),
    ) -> Search {
        ends.sort_unstable();
        Search { from: ends[0], to: ends[1], types, recipients, per_page }
    }
}

/// Often the same ones, so that the key decides the order, and the ends of a range are events' times.
fn seconds() -> impl Strategy<Value = i64> {
    (OLDEST..NEWEST).prop_map(|second| second - second % 40_000)
}

#[sqlx::test(migrations = "../../migrations")]
async fn postgres_answers_what_a_naive_filter_does(pool: PgPool) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"the same searches in every run..");
    let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), rng);
    let events = events().new_tree(&mut runner).unwrap().current();
    let service = Service::over(&pool);
    service.load(&events).await;

    for _ in 0..150 {
        let search = searches().new_tree(&mut runner).unwrap().current();
        let expected = ids_newest_first(events.iter().filter(|event| search.finds(event)));

        let first = service.search(&search.to_query()).await;
        let on_first_page = expected.len().min(search.per_page);
        assert_eq!(first.event_ids(), expected[..on_first_page], "{search:?}");
        assert_eq!(
            first.total_count(),
            u64::try_from(expected.len()).unwrap(),
            "{search:?}"
        );
        assert_eq!(
            first.next().is_some(),
            expected.len() > search.per_page,
            "{search:?}"
        );

        if let Some(next) = first.next() {
            let on_both = expected.len().min(2 * search.per_page);
            assert_eq!(
                service.get(&next).await.event_ids(),
                expected[on_first_page..on_both],
                "{search:?}"
            );
        }
        assert_eq!(
            count(&service, &search).await,
            u64::try_from(expected.len()).unwrap(),
            "{search:?}"
        );
    }
}

async fn count(service: &Service, search: &Search) -> u64 {
    let query = EventQuery::parse(&search.to_query(), NOW).unwrap();
    service
        .store
        .count(&query.count_statement(10_001))
        .await
        .unwrap()
}
