use function_kit::chain;

use super::*;

const REQUIRED: [(&str, &str); 3] = [
    ("EVENTS_BUCKET", "events"),
    ("FORWARD_QUEUE_URL", "https://queue"),
    ("DESTINATION_SECRET_ARN", "arn:secret"),
];

fn config(more: &[(&str, &str)]) -> Result<Config, SettingsError> {
    Config::from_env(&Env::from_pairs(REQUIRED.iter().chain(more).copied()))
}

#[test]
fn settings_that_are_missing_are_named() {
    for (missing, _) in REQUIRED {
        let others = REQUIRED.into_iter().filter(|(name, _)| *name != missing);
        let error = Config::from_env(&Env::from_pairs(others)).unwrap_err();

        assert!(
            error
                .to_string()
                .starts_with(&format!("{missing} is not set")),
            "{error}"
        );
    }
}

#[test]
fn every_setting_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    for name in [
        "EVENTS_BUCKET",
        "FORWARD_QUEUE_URL",
        "DESTINATION",
        "DESTINATION_URL",
        "DESTINATION_SECRET_ARN",
        "MAPPING",
        "REQUESTS_PER_SECOND",
        "PURCHASES_PER_SECOND",
        "HTTP_FORMAT",
        "HTTP_MAX_EVENTS",
        "HTTP_MAX_BYTES",
        "MAX_EVENT_AGE_HOURS",
        "UNKNOWN_USERS",
        "UNKNOWN_USER_RETRY_HOURS",
        "REQUEST_TIMEOUT_MS",
        "RETRY_SECONDS",
    ] {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn destination_is_iterable_in_the_us_unless_told() {
    let host = |more: &[(&str, &str)]| match config(more).unwrap().destination {
        DestinationConfig::Iterable { url, .. } => url.host_str().unwrap().to_owned(),
        DestinationConfig::Http { url, .. } => format!("http {}", url.host_str().unwrap()),
    };

    assert_eq!(host(&[]), "api.iterable.com");
    assert_eq!(
        host(&[("DESTINATION", "iterable_eu")]),
        "api.eu.iterable.com"
    );
    assert_eq!(
        host(&[("DESTINATION_URL", "http://127.0.0.1:9")]),
        "127.0.0.1"
    );
    assert_eq!(
        host(&[
            ("DESTINATION", "http"),
            ("DESTINATION_URL", "https://x.example/in")
        ]),
        "http x.example"
    );
}

#[test]
fn values_that_cannot_be_meant_are_named() {
    for (name, value) in [
        ("DESTINATION", "braze"),
        ("DESTINATION_URL", "not a url"),
        ("REQUESTS_PER_SECOND", "0"),
        ("REQUESTS_PER_SECOND", "NaN"),
        ("UNKNOWN_USERS", "ignore"),
        ("MAX_EVENT_AGE_HOURS", "-1"),
    ] {
        let error = config(&[(name, value)]).unwrap_err();

        assert!(
            error
                .to_string()
                .starts_with(&format!("{name} is not valid")),
            "{error}"
        );
    }
    let error = config(&[("MAPPING", r#"{"scope":"all"}"#)]).unwrap_err();
    assert!(
        chain(&error)
            .to_string()
            .starts_with("MAPPING is not valid: mapping: scope: unknown variant")
    );
}
