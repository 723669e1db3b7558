//! Product events: queries that are chosen, run, looked at again and taken away as a file.

use axum::http::StatusCode;

use crate::{
    api::{Api, KEY},
    athena::{Athena, End, WORKGROUP},
    browser::{Browser, ORIGIN, STACK, Seen, keys, now},
    html,
};

const PATH: &str = "/console/product-events";

async fn browser(athena: &Athena) -> Browser {
    let api = Api::over(vec![]).await;
    let lake = [
        ("ATHENA_WORKGROUP", WORKGROUP),
        ("LAKE_DATABASE", "mail_lake"),
        ("SCAN_LIMIT_BYTES", "21474836480"),
    ];
    let mut browser =
        Browser::with_aws(&api.origin, STACK, keys(KEY), now, &athena.endpoint, &lake);
    let answer = browser.sign_in("/console", KEY).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    browser
}

/// The token that the page's own form has; the first form of a page signs out.
fn token(page: &Seen) -> String {
    let form = page
        .body
        .split_once("action=\"/console/product-events\"")
        .unwrap()
        .1;
    form.split("name=\"token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

async fn post(browser: &mut Browser, fields: &[(&str, &str)]) -> Seen {
    let page = browser.get(PATH).await;
    let mut form = vec![("token", token(&page))];
    form.extend(
        fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    browser
        .post(
            PATH,
            &form,
            &[("origin", ORIGIN), ("sec-fetch-site", "same-origin")],
        )
        .await
}

fn rows(rows: &[&[&str]]) -> Vec<Vec<Option<String>>> {
    let cell = |text: &&str| Some((*text).to_owned());
    rows.iter()
        .map(|row| row.iter().map(cell).collect())
        .collect()
}

#[tokio::test]
async fn named_query_runs_with_its_parameters_and_shows_plot_rows_and_price() {
    let athena = Athena::start().await;
    let mut browser = browser(&athena).await;
    athena.ends(End::Rows(
        vec!["step", "event", "users"],
        rows(&[
            &["1", "seen", "200"],
            &["2", "it's", "50"],
            &["3", "purchase", "5"],
        ]),
    ));

    let form = browser.get(&format!("{PATH}?query=funnel")).await;
    let posted = post(
        &mut browser,
        &[
            ("query", "funnel"),
            ("first", "seen"),
            ("second", "it's"),
            ("days", "7"),
        ],
    )
    .await;
    let result = browser.get(posted.header("location")).await;
    let file = browser.get(&result.link("format=csv")).await;

    html::check(&form.body);
    for words in [
        "Reads at most 21.47 GB, for $0.10737",
        "First step",
        "How many people saw a page",
    ] {
        assert!(form.text().contains(words), "{words}: {}", form.text());
    }
    assert_eq!(posted.status, StatusCode::SEE_OTHER);
    assert_eq!(
        posted.header("location"),
        "/console/product-events?query=funnel&first=seen&second=it%27s&days=7&run=run-0"
    );
    let statement = &athena.statements()[0];
    assert!(
        statement.contains("'seen'")
            && statement.contains("'it''s'")
            && statement.contains("interval '7' day")
    );
    assert_eq!(result.status, StatusCode::OK);
    html::check(&result.body);
    for words in [
        "3 rows · 20.5 MB read, $0.00010 · 1.2 s",
        "it's5025.0 %25.0 %",
        "purchase52.50 %10.0 %",
    ] {
        assert!(result.text().contains(words), "{words}: {}", result.text());
    }
    let command =
        r"cistern query --named funnel --set 'first=seen' --set 'second=it'\''s' --set 'days=7'";
    assert!(result.text().contains(command), "{}", result.text());
    // The form keeps what was asked.
    assert!(result.body.contains("value=\"it's\""), "{}", result.body);
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"cistern-query.csv\""
    );
    assert!(file.body.ends_with("3,purchase,5\r\n"), "{}", file.body);
}

#[tokio::test]
async fn lines_bars_and_triangles_fit_what_was_found() {
    let athena = Athena::start().await;
    let mut browser = browser(&athena).await;
    for (columns, found, marks) in [
        (
            vec!["day", "users", "events"],
            rows(&[&["2026-11-01", "3", "9"], &["2026-11-03", "5", "7"]]),
            ["class=\"l t-delivery\"", "class=\"l t-bounce\""],
        ),
        (
            vec!["event", "events"],
            rows(&[&["LOGIN", "9"], &["<script>x</script>", "7"]]),
            ["<svg class=\"bar\"", "&lt;script&gt;"],
        ),
        (
            vec!["first_week", "weeks_later", "users"],
            rows(&[
                &["2026-11-02", "0", "9"],
                &["2026-11-02", "1", "3"],
                &["2026-11-09", "0", "4"],
            ]),
            ["class=\"h8\"", "class=\"h3\""],
        ),
        (
            vec!["users"],
            rows(&[&["1234"]]),
            ["1 row", "<td class=\"num\"><bdi>1234"],
        ),
    ] {
        athena.ends(End::Rows(columns, found));
        let posted = post(&mut browser, &[("query", "sql"), ("sql", "select 1;")]).await;
        let seen = browser.get(posted.header("location")).await;

        assert_eq!(seen.status, StatusCode::OK);
        html::check(&seen.body);
        for mark in marks {
            assert!(seen.body.contains(mark), "{mark}: {}", seen.body);
        }
        // The statement comes back from Athena, and is in no address.
        assert!(seen.body.contains(">select 1</") && !posted.header("location").contains("select"));
    }
    assert!(athena.statements().iter().all(|sql| sql == "select 1"));
}

#[tokio::test]
async fn long_query_is_told_to_run_on_and_its_address_finds_the_result_later() {
    let athena = Athena::start().await;
    let mut browser = browser(&athena).await;

    let posted = post(&mut browser, &[("query", "top_events")]).await;
    let running = browser.get(posted.header("location")).await;
    athena.end_all(&End::Rows(vec!["event", "events", "users"], vec![]));
    let later = browser.get(&running.link("run=run-0")).await;

    html::check(&running.body);
    assert!(running.text().contains("Still running") && running.body.contains("data-wait=\"3\""));
    assert!(
        later.text().contains("0 rows") && later.text().contains("Nothing was found"),
        "{}",
        later.text()
    );
}

#[tokio::test]
async fn failures_are_told_in_words() {
    let athena = Athena::start().await;
    let mut browser = browser(&athena).await;

    let wrong = post(&mut browser, &[("query", "top_events"), ("days", "0")]).await;
    let empty = post(&mut browser, &[("query", "sql"), ("sql", " ; ")]).await;
    athena.ends(End::Failed(
        "HIVE_CANNOT_OPEN_SPLIT: The specified key does not exist",
    ));
    let posted = post(&mut browser, &[("query", "top_events")]).await;
    let failed = browser.get(posted.header("location")).await;
    athena.end_all(&End::Elsewhere);
    let elsewhere = browser.get(posted.header("location")).await;
    let unknown = browser
        .get(&format!("{PATH}?query=funnel&run=nothing"))
        .await;
    let no_file = browser.get(&format!("{PATH}?run=nothing&format=csv")).await;
    athena.refuses("InvalidRequestException", "line 1:8: mismatched input 'x'");
    let refused = post(&mut browser, &[("query", "sql"), ("sql", "select x x x")]).await;

    for (seen, status, words) in [
        (&wrong, 400, "days must be a number of days from 1 to 3660"),
        (&empty, 400, "the statement is empty"),
        (&failed, 200, "A file was merged into another one meanwhile"),
        (&elsewhere, 404, "There is no run of this id"),
        (&unknown, 404, "There is no run of this id"),
        (&no_file, 404, "There is no run of this id"),
        (&refused, 400, "mismatched input 'x'"),
    ] {
        assert_eq!(seen.status.as_u16(), status, "{}", seen.text());
        html::check(&seen.body);
        assert!(seen.text().contains(words), "{words}: {}", seen.text());
    }
    assert!(
        refused.text().contains("select x x x"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn only_a_form_of_this_session_runs_a_query() {
    let athena = Athena::start().await;
    let mut browser = browser(&athena).await;
    let page = browser.get(PATH).await;
    let ours = ("origin", ORIGIN);
    let sign_out = page.field("token");
    let cases = [
        (token(&page), ("origin", "https://evil.example")),
        (sign_out, ours),
        (String::new(), ours),
    ];
    for (token, origin) in cases {
        let form = [("token", token), ("query", "top_events".to_owned())];
        let seen = browser.post(PATH, &form, &[origin]).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN);
    }
    let mut stranger = Browser::before(&Api::over(vec![]).await);
    let form = [("token", token(&page)), ("query", "top_events".to_owned())];
    let seen = stranger.post(PATH, &form, &[ours]).await;
    assert_eq!(seen.status, StatusCode::FORBIDDEN);
    assert_eq!(athena.statements(), Vec::<String>::new());
}

#[tokio::test]
async fn stack_without_a_lake_says_so() {
    let api = Api::over(vec![]).await;
    let mut browser = Browser::signed_in(&api).await;

    let seen = browser.get(PATH).await;

    html::check(&seen.body);
    assert!(seen.text().contains("EnableAnalytics"), "{}", seen.text());
    assert!(!seen.body.contains("action=\"/console/product-events\""));
}

#[tokio::test]
async fn athena_out_of_reach_is_told() {
    let mut athena = Athena::start().await;
    athena.endpoint = "http://127.0.0.1:1".to_owned();
    let mut browser = browser(&athena).await;

    let seen = post(&mut browser, &[("query", "top_events")]).await;

    assert_eq!(seen.status, StatusCode::BAD_GATEWAY);
    assert!(
        seen.text().contains("Athena could not be asked"),
        "{}",
        seen.text()
    );
}
