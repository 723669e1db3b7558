//! Recipes that are refused: the error names the member and says what is expected.

use email_senders::{DocumentError, Recipe, Senders};
use serde_json::{Value, json};

use crate::recipes::{NAMES, recipe, senders};

/// The recipe of an own service with a member changed; without it if the value is null.
fn changed(pointer: &str, value: Value) -> Value {
    let mut json: Value = serde_json::from_slice(&recipe("own-service")).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    parent.insert(name.replace("~1", "/"), value);
    json
}

/// A pointer of 300 bytes.
const LONG: &str = concat!(
    r#""/"#,
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    r#"""#
);

/// A member, the JSON that it has instead, and how the error begins.
const MALFORMED: [(&str, &str, &str); 51] = [
    ("/name", "null", "name is missing: give a name"),
    ("/name", r#""Own""#, "name must be lower-case letters"),
    ("/name", r#""1st""#, "name must be lower-case letters"),
    ("/name", r#""a.b""#, "name must be lower-case letters"),
    ("/name", r#""""#, "name must be a text"),
    (
        "/name",
        r#""xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#,
        "name must be a text of 1 to 31 bytes",
    ),
    ("/name", r#""bird""#, "name must be another name: bird"),
    (
        "/name",
        r#""sparkpost""#,
        "name must be another name: sparkpost",
    ),
    ("/label", r#""a\nb""#, "label must be a text"),
    ("/proof", r#""hmac""#, "proof must be an object"),
    ("/mapping", "null", "mapping must be an object"),
    (
        "/maping",
        "{}",
        "maping is no member of a recipe here: use one of name, label",
    ),
    (
        "/proof/signature_header",
        "null",
        "proof.signature_header is missing",
    ),
    (
        "/proof/signature_header",
        r#""X Y""#,
        "proof.signature_header must be the name of a header",
    ),
    (
        "/proof/signature_header",
        r#""Authorization""#,
        "proof.signature_header must not be authorization",
    ),
    (
        "/proof/signature_form",
        r#""prefix""#,
        "proof.signature_form must be \"plain\"",
    ),
    (
        "/proof/signature_form",
        "{}",
        "proof.signature_form must be \"plain\"",
    ),
    (
        "/proof/signature_form",
        r#"{"prefix": 7}"#,
        "proof.signature_form must be \"plain\"",
    ),
    (
        "/proof/signature_form",
        r#"{"pairs": "v1"}"#,
        "proof.signature_form must be \"plain\"",
    ),
    (
        "/proof/signature_form",
        r#"{"pairs": {}}"#,
        "proof.signature_form.pairs.signature is missing",
    ),
    (
        "/proof/signature_form",
        r#"{"lists": "v1"}"#,
        "proof.signature_form.lists is no member",
    ),
    (
        "/proof/signature_form",
        r#"{"pairs": {"signature": "s", "timestamp": "t"}}"#,
        "proof.timestamp_header must be left out",
    ),
    (
        "/proof/timestamp_header",
        "null",
        "proof.timestamp_header is missing: proof.signed has {timestamp}",
    ),
    (
        "/proof/id_header",
        "null",
        "proof.id_header is missing: proof.signed has {id}",
    ),
    (
        "/proof/hash",
        r#""md5""#,
        "proof.hash must be one of sha1, sha256, sha512",
    ),
    (
        "/proof/encoding",
        r#""text""#,
        "proof.encoding must be one of hex, base64",
    ),
    (
        "/proof/secret",
        "7",
        "proof.secret must be one of hex, base64, text",
    ),
    (
        "/proof/signed",
        r#""{timestamp}""#,
        "proof.signed must be a template",
    ),
    (
        "/proof/signed",
        r#""{body}{body}""#,
        "proof.signed must be a template",
    ),
    (
        "/proof/signed",
        r#""{body}}""#,
        "proof.signed must be a template",
    ),
    (
        "/proof/signed",
        r#""{body""#,
        "proof.signed must be a template",
    ),
    (
        "/proof/signed",
        r#""{url}{body}""#,
        "proof.signed must be a template",
    ),
    (
        "/proof/signed",
        r#""{body}""#,
        "proof.signed must have {timestamp}",
    ),
    (
        "/proof/tolerance_seconds",
        "0",
        "proof.tolerance_seconds must be a number of seconds from 1 to 86400",
    ),
    (
        "/proof/tolerance_seconds",
        r#""300""#,
        "proof.tolerance_seconds must be",
    ),
    (
        "/proof/tolerance_seconds",
        "86401",
        "proof.tolerance_seconds must be",
    ),
    (
        "/proof/key",
        r#""planted""#,
        "proof.key is no member of a recipe here",
    ),
    (
        "/mapping/events",
        r#""events""#,
        "mapping.events must be a JSON pointer",
    ),
    (
        "/mapping/events",
        r#"["/a", "/b"]"#,
        "mapping.events must be one pointer",
    ),
    ("/mapping/type", "null", "mapping.type is missing"),
    (
        "/mapping/type",
        "[]",
        "mapping.type must have 1 to 16 pointers",
    ),
    (
        "/mapping/type",
        r#"["/a", 7]"#,
        "mapping.type must be a JSON pointer",
    ),
    (
        "/mapping/type_header",
        r#""X-Type""#,
        "mapping.type_header must be left out",
    ),
    (
        "/mapping/types",
        r#"["open"]"#,
        "mapping.types must be an object",
    ),
    (
        "/mapping/types/mail.sent",
        r#""sent""#,
        "mapping.types.mail.sent must be a type of SparkPost's",
    ),
    (
        "/mapping/timestamp",
        r#""$.at""#,
        "mapping.timestamp must be a JSON pointer",
    ),
    (
        "/mapping/timestamp",
        LONG,
        "mapping.timestamp must be a JSON pointer",
    ),
    (
        "/mapping/event_id",
        "{}",
        "mapping.event_id must be a JSON pointer",
    ),
    ("/mapping/fields", "[]", "mapping.fields must be an object"),
    (
        "/mapping/fields/recipient",
        r#""/to""#,
        "mapping.fields.recipient is no member of a recipe here: use one of rcpt_to",
    ),
    (
        "/mapping/fields/subject",
        r#""/~2""#,
        "mapping.fields.subject must be a JSON pointer",
    ),
];

#[test]
fn each_malformed_recipe_says_what_is_wrong_with_which_member() {
    for (pointer, value, expected) in MALFORMED {
        let recipe = changed(pointer, serde_json::from_str(value).unwrap()).to_string();
        let error = Recipe::parse(recipe.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{pointer} = {value}: {error}");
    }
    for (text, expected) in [
        ("", "the recipe must be JSON, and is not in line 1"),
        (
            "{\n\"name\":",
            "the recipe must be JSON, and is not in line 2",
        ),
        ("[]", "the recipe must be an object"),
    ] {
        let error = Recipe::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn document_has_what_was_put_into_it_within_limits() {
    let document = senders().to_document().unwrap();
    let read = Senders::parse(&document).unwrap();
    let names: Vec<String> = read
        .all()
        .filter(|sender| sender.recipe().is_some())
        .map(|sender| sender.name().to_owned())
        .collect();
    let mut expected = NAMES.map(str::to_owned);
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(read.to_document().unwrap(), document);

    let other = || Recipe::parse(changed("/label", json!("Other")).to_string().as_bytes()).unwrap();
    assert_eq!(
        read.clone().with(other(), false).unwrap_err(),
        DocumentError::Another
    );
    let replaced = read.with(other(), true).unwrap();
    assert_eq!(replaced.named("own-service").unwrap().label(), "Other");

    let many = (0..33).fold(Senders::default(), |senders, number| {
        let recipe = changed("/name", json!(format!("own-{number}"))).to_string();
        senders
            .with(Recipe::parse(recipe.as_bytes()).unwrap(), false)
            .unwrap()
    });
    assert_eq!(many.to_document().unwrap_err(), DocumentError::TooLarge);
    for damaged in ["", "[]", "{}", r#"{"recipes":{}}"#] {
        assert_eq!(
            Senders::parse(damaged.as_bytes()).unwrap_err(),
            DocumentError::Form
        );
    }
    assert!(matches!(
        Senders::parse(br#"{"recipes":[{}]}"#),
        Err(DocumentError::Recipe(_))
    ));
}
