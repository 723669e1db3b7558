//! The database folds texts as the model does.

use std::borrow::Cow;

use event_model::sparkpost::{fold, fold_address, fold_beyond_ascii};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sqlx::PgPool;

/// All characters that Postgres stores. A future version of Unicode may add case to some letters: then the model folds
/// them and the database does not, and a migration has to create the functions and the index again under other names.
#[sqlx::test(migrations = "../../../migrations")]
async fn every_character_folds_alike(pool: PgPool) {
    let all: Vec<String> = ('\u{1}'..=char::MAX).map(String::from).collect();

    for chunk in all.chunks(100_000) {
        let folded: Vec<String> =
            sqlx::query_scalar("select folded(text) from unnest($1::text[]) with ordinality as texts (text, place) order by place")
                .bind(chunk)
                .fetch_all(&pool)
                .await
                .unwrap();
        for (text, folded) in chunk.iter().zip(folded) {
            assert_eq!(folded, fold(Cow::Borrowed(text)), "{text:?}");
        }
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn addresses_fold_alike_and_rows_that_are_not_folded_are_known(pool: PgPool) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"the same texts in every run.....");
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let texts = prop_oneof![
        "[ a<>@\u{a0}\u{3000}É\t]{0,10}",
        "\\PC{0,8}",
        "[a-zé –]{0,8}"
    ];

    for _ in 0..2_000 {
        let text = texts.new_tree(&mut runner).unwrap().current();
        let (address, is_unfolded, is_unfolded_address): (String, i32, i32) = sqlx::query_as(
            "select
                 folded_address($1),
                 unfolded(null, null, null, null, null, null, null, null, jsonb_build_object('ip_pool', $1)),
                 unfolded($1, null, null, null, null, null, null, null, '{}')",
        )
        .bind(&text)
        .fetch_one(&pool)
        .await
        .unwrap();

        assert_eq!(address, fold_address(Cow::Borrowed(&text)), "{text:?}");
        let changes = fold_beyond_ascii(Cow::Borrowed(&text)) != text;
        assert_eq!(is_unfolded == 1, changes, "{text:?}");
        // An address that differs from its compared form is detected; one that equals it is not, unless it contains
        // such a bracket.
        let is_as_compared = address == text;
        assert!(is_unfolded_address == 1 || is_as_compared, "{text:?}");
        assert!(
            is_unfolded_address == 0 || !is_as_compared || text.contains('<'),
            "{text:?}"
        );
    }
}
