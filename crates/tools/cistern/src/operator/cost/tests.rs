use clap::Parser as _;

use super::{options::parse_number, *};

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn options(arguments: &[&str]) -> Options {
    let words = ["cost"].into_iter().chain(arguments.iter().copied());
    Cli::parse_from(words).options
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (text, number) in [
        ("200M", 200e6),
        ("2B", 2e9),
        ("10k", 10e3),
        ("1,000", 1e3),
        ("1.5M", 1.5e6),
        ("7", 7.0),
    ] {
        assert!(
            (parse_number(text).unwrap() - number).abs() < 1e-6,
            "{text}"
        );
    }
    for text in ["", "M", "-1", "many", "1e400", "é"] {
        assert!(parse_number(text).is_err(), "{text}");
    }
}

#[test]
fn without_options_it_is_the_published_month() {
    assert_eq!(options(&[]).scenario(), article::scenario(1.0));
}

#[test]
fn text_names_the_total_and_the_published_one() {
    let options = options(&["--events-per-request", "10", "--email-events", "1M"]);
    let scenario = options.scenario();

    let text = text(&options, &Bill::of(&scenario), &Bill::of(&scenario.idle()));

    assert!(text.contains("200,000,000 product events, 10 per request; 1,000,000 email events"));
    assert!(text.contains("3,361.57"), "{text}");
    assert!(text.contains("Postgres"), "{text}");
}
