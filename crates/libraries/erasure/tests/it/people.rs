//! Forty people whose names are hard to find, or easily taken for another's.

use erasure::{
    ErasedPerson, Person, Tombstones, TombstonesDocument,
    Verdict::{self, Mentioned, Theirs, Unrelated},
    verdict_of,
};
use event_model::Pipeline::{self, AppEvents, EmailEvents, ProductEvents};
use time::OffsetDateTime;

const JANE: &str = "jane@example.com";

/// Who is looked for (`@` makes it an address), where, in which item, and what is to be found.
type Case = (&'static str, Pipeline, String, Verdict);

fn mail(members: &str) -> String {
    format!(r#"{{"msys":{{"message_event":{{"type":"delivery",{members}}}}}}}"#)
}

fn to(address: &str) -> String {
    mail(&format!(r#""rcpt_to":"{address}""#))
}

fn app(members: &str) -> String {
    format!(r#"{{"events":[{{"event_type":"custom_event","data":{{}}}}],{members}}}"#)
}

fn product(members: &str) -> String {
    format!(r#"{{"event":"view",{members}}}"#)
}

fn mails() -> Vec<Case> {
    let others = r#""rcpt_to":"bob@example.com""#;
    let case = |name, item, verdict| (name, EmailEvents, item, verdict);
    vec![
        case(JANE, to("jane@example.com"), Theirs),
        case(JANE, to("JANE@Example.COM"), Theirs),
        case(JANE, to("Jane Doe <Jane@example.com>"), Theirs),
        case(JANE, to(r#"\"bob@example.com\" <jane@example.com>"#), Theirs),
        case(JANE, to(r#"\"jane@example.com\" <bob@example.com>"#), Mentioned),
        case(JANE, to(r"jane\u0040example.com"), Theirs),
        case(JANE, to(r" jane@example.com\u00a0"), Theirs),
        case(JANE, mail(r#""rcpt_to":null,"raw_rcpt_to":"Jane@example.com""#), Theirs),
        case(JANE, mail(r#""recipient":"jane@example.com""#), Theirs),
        case(JANE, to("jane+news@example.com"), Unrelated),
        case("jane+news@example.com", to("Jane+News@example.com"), Theirs),
        case("jane+news@example.com", to("jane@example.com"), Unrelated),
        case(JANE, to("mary.jane@example.com"), Unrelated),
        case(JANE, to("jane@example.com.br"), Unrelated),
        case("jürgen@bücher.example", to("JÜRGEN@BÜCHER.example"), Theirs),
        case("jürgen@bücher.example", to(r"j\u00fcrgen@b\u00fccher\u3002example"), Theirs),
        case("jürgen@bücher.example", to("juergen@buecher.example"), Unrelated),
        case(r#""jane doe"@example.com"#, to(r#"\"Jane Doe\"@example.com"#), Theirs),
        case(r#""odd@local"@example.com"#, to(r#"\"odd@local\"@example.com"#), Theirs),
        case(r#""odd@local"@example.com"#, to("local@example.com"), Unrelated),
        case(JANE, mail(&format!(r#"{others},"subject":"Jane@example.com wrote to you""#)), Mentioned),
        case(
            JANE,
            mail(&format!(r#"{others},"target_link_url":"https:\/\/x.example\/?u=jane%40example.com""#)),
            Mentioned,
        ),
        case(
            JANE,
            mail(&format!(r#"{others},"target_link_url":"https://x.example/?u=amFuZUBleGFtcGxlLmNvbQ""#)),
            Mentioned,
        ),
        case(JANE, mail(&format!(r#"{others},"rcpt_to":"jane@example.com""#)), Theirs),
        case(JANE, mail(r#""rcpt_to":"Jane@example.com","RCPT_TO":"jane@example.com""#), Theirs),
        case(JANE, mail(r#""Rcpt_To":"jane@example.com""#), Theirs),
        case(JANE, r#"{"MSYS":{"m":{"rcpt_to":"jane@example.com"}}}"#.to_owned(), Theirs),
        case(JANE, to("Bob <bob@example.com>, Jane <jane@example.com>"), Mentioned),
        case("bob@example.com", to("Bob <bob@example.com>, Jane <jane@example.com>"), Mentioned),
        case(JANE, to("bob@example.com, Jane <jane@example.com>"), Mentioned),
        case(JANE, to(r#"\"Bob <bob@example.com>, Jane\" <jane@example.com>"#), Theirs),
        case(JANE, mail(&format!(r#""rcpt_to":"jane@example.com",{others}"#)), Theirs),
        case(JANE, format!(r#"{{"rcpt_to":"jane@example.com","msys":{{"a":{{{others}}}}}}}"#), Mentioned),
        case(JANE, mail(r#""rcpt_to":["jane@example.com","bob@example.com"]"#), Mentioned),
        case(JANE, r#"{"msys":{"a":{"rcpt_to":"jane@example.com"},"b":{"rcpt_to":"bob@example.com"}}}"#.to_owned(), Mentioned),
        case(JANE, r#"{"cust":1,"msys":{"track_event":{"rcpt_to":"jane@example.com","subject":"\ud83d"}}}"#.to_owned(), Theirs),
        case("u-1001", mail(&format!(r#"{others},"rcpt_meta":{{"user_id":"u-1001"}}"#)), Theirs),
        case("1001", mail(&format!(r#"{others},"customer_id":"1001""#)), Mentioned),
    ]
}

fn users() -> Vec<Case> {
    vec![
        (
            JANE,
            AppEvents,
            app(r#""user_identities":{"email":"Jane@Example.com"}"#),
            Theirs,
        ),
        (
            JANE,
            AppEvents,
            app(r#""user_identities":[{"identity_type":"email","identity":"jane@example.com"}]"#),
            Theirs,
        ),
        (
            JANE,
            AppEvents,
            app(r#""mpid":1,"user_attributes":{"friend":"jane@example.com"}"#),
            Mentioned,
        ),
        ("4711", AppEvents, app(r#""mpid":4711"#), Theirs),
        ("4711", AppEvents, app(r#""mpid":"47110""#), Unrelated),
        (
            "4711",
            AppEvents,
            r#"{"request_type":"alias","data":{"source_mpid":"4711","destination_mpid":"4712"}}"#
                .to_owned(),
            Theirs,
        ),
        (
            "Ab1",
            AppEvents,
            app(r#""user_identities":{"customer_id":"ab1"}"#),
            Unrelated,
        ),
        (
            "user-42",
            ProductEvents,
            product(r#""userId":"user-42""#),
            Theirs,
        ),
        (
            "user-42",
            ProductEvents,
            product(r#""userId":"user-421""#),
            Unrelated,
        ),
        (
            "user-42",
            ProductEvents,
            product(r#""userid":"user-42""#),
            Theirs,
        ),
        (
            "user-42",
            ProductEvents,
            product(r#""UserId":"user-42","userId":"bob""#),
            Theirs,
        ),
        (
            "user-42",
            ProductEvents,
            product(r#""userId":"user-42","userId":"bob""#),
            Theirs,
        ),
        ("42", ProductEvents, product(r#""user_id":42"#), Theirs),
        (
            JANE,
            ProductEvents,
            product(r#""distinct_id":"JANE@example.com""#),
            Theirs,
        ),
        (
            "a-9f3c",
            ProductEvents,
            product(r#""anonymousId":"a-9f3c""#),
            Theirs,
        ),
        (
            "user-42",
            ProductEvents,
            r#"{"userId":"user-42","view":"a {"userId":"bob"}"#.to_owned(),
            Mentioned,
        ),
        (
            "user-42",
            ProductEvents,
            product(r#""userId":"bob","invitedBy":"user-42""#),
            Mentioned,
        ),
    ]
}

#[test]
fn awkward_people_are_found_and_nobody_else() {
    let cases = [mails(), users()].concat();
    assert!(cases.len() >= 40);

    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|(name, pipeline, item, expected)| {
            let verdict = verdict_of(*pipeline, item.as_bytes(), &named(name));
            (verdict != *expected).then(|| format!("{name} in {item}: {verdict:?}"))
        })
        .collect();

    assert_eq!(wrong, Vec::<String>::new());
}

fn named(name: &str) -> Person {
    let person = if name.contains('@') {
        Person::new(&[name], &[""; 0])
    } else {
        Person::new(&[""; 0], &[name])
    };
    person.unwrap()
}

#[test]
fn hashes_choose_the_same_items_as_names() {
    let key = "0f".repeat(32);
    for (name, pipeline, item, expected) in [mails(), users()].concat() {
        let erased = ErasedPerson {
            erasure: "e".to_owned(),
            added_at: OffsetDateTime::UNIX_EPOCH,
            names: Tombstones::hashes(&key, &named(name)).unwrap(),
        };
        let list = TombstonesDocument {
            people: vec![erased],
        };
        let tombstones = Tombstones::new(&key, &list).unwrap();

        let verdict = verdict_of(pipeline, item.as_bytes(), &tombstones);

        assert_eq!(verdict == Theirs, expected == Theirs, "{name} in {item}");
    }
}
