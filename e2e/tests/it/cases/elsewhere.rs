//! Cases that no request to a running stack can show, with the tests that do.

use anyhow::{Context as _, Result};

use super::run::Run;
use crate::stack::repository_root;

/// The case, the file, and what must stand in it: the test that shows the outcome.
const TESTS: [(&str, &str, &str); 8] = [
    (
        "email/50-postgres-behind-a-pooler",
        "crates/libraries/event-store/tests/it/logins.rs",
        "fn poolers_that_take_no_options_are_migrated_loaded_and_searched_through(",
    ),
    (
        "email/52-iam-login-fails-now-and-then",
        "crates/functions/query/tests/it/outages.rs",
        "fn login_by_iam_that_fails_twice_answers_the_search_all_the_same(",
    ),
    (
        "email/53-two-sam-build-pitfalls-avoided",
        "template.yaml",
        "Binary: ",
    ),
    (
        "email/55-disk-full-read-only-and-failover",
        "crates/libraries/event-store/src/trouble.rs",
        r#"("53100", Away, Away)"#,
    ),
    (
        "app/09-parquet-no-encoding-stats",
        "crates/libraries/lake-files/tests/it/metadata.rs",
        "encoding",
    ),
    (
        "app/35-parquet-created-by",
        "crates/libraries/lake-files/tests/it/metadata.rs",
        "fn check_created_by(",
    ),
    (
        "app/37-parquet-timestamps",
        "e2e/tests/it/interop.rs",
        "fn readers_of_other_makes_find_the_same_in_parts_days_and_months(",
    ),
    (
        "app/38-parquet-awkward-chunks",
        "e2e/tests/it/interop.rs",
        "fn readers_of_other_makes_find_the_same_in_parts_days_and_months(",
    ),
];

/// Looks whether the test is still there; false for a case that is not one of these.
pub(super) fn check(run: &mut Run<'_>) -> Result<bool> {
    if run.name == "email/51-sam-build-cached-over-the-whole-checkout" {
        let settings = std::fs::read_to_string(repository_root().join("samconfig.toml"))?;
        let is_cached = settings.lines().any(|line| line.trim() == "cached = true");
        run.expect(
            "samconfig.toml",
            "no cache",
            if is_cached { "cached" } else { "no cache" },
        );
        return Ok(true);
    }
    let Some((_, file, text)) = TESTS.iter().find(|(name, ..)| *name == run.name) else {
        return Ok(false);
    };
    let content = std::fs::read_to_string(repository_root().join(file)).context(*file)?;
    let came = if content.contains(text) {
        *text
    } else {
        "nothing"
    };
    run.expect(format!("shown by {file}"), text, came);
    Ok(true)
}
