//! `match=exact`: what was stored is found by itself, and by nothing that is part of it.

use sqlx::PgPool;

use crate::service::{NOW, Service, TestEvent};

#[sqlx::test(migrations = "../../../migrations")]
async fn text_is_found_by_what_was_stored_and_not_by_a_part(pool: PgPool) {
    let service = Service::over(&pool);
    let at = NOW.unix_timestamp() - 3_600;
    let long_word = "x".repeat(1_100);
    let events = [
        TestEvent::new(1, "open", at)
            .with("campaign_id", "Welcome ")
            .with("subject", format!("A {long_word} word"))
            .with("recipient_domain", "example.com")
            .with("ip_pool", "Shared\tPool"),
        TestEvent::new(2, "open", at)
            .with("campaign_id", "welcome back")
            .with("subject", "A word")
            .with("recipient_domain", "mail.example\u{3002}com")
            .with("ip_pool", "shared pool two"),
    ];
    service.load(&events).await;

    for (filter, expected) in [
        ("campaigns=Welcome%20".to_owned(), vec![1]),
        ("campaigns=welcome%20".to_owned(), vec![1]),
        ("campaigns=welcome%20back".to_owned(), vec![2]),
        ("campaigns=back".to_owned(), vec![]),
        (format!("subjects=a%20{long_word}%20word"), vec![1]),
        ("subjects=a%20word".to_owned(), vec![2]),
        ("subjects=word".to_owned(), vec![]),
        ("recipient_domains=example\u{3002}com".to_owned(), vec![1]),
        ("recipient_domains=Mail.Example.com".to_owned(), vec![2]),
        ("ip_pools=shared%20pool".to_owned(), vec![1]),
    ] {
        let filter = filter.replace('\u{3002}', "%E3%80%82");
        let found = service.search(&format!("match=exact&{filter}")).await;
        assert_eq!(found.event_ids(), expected, "{filter}");
    }
}
