use super::*;

fn document(json: &str) -> Result<KeyDocument, KeyDocumentError> {
    KeyDocument::parse(&SecretString::from(json))
}

fn key(json: &str, scope: Scope) -> String {
    document(json)
        .unwrap()
        .key(scope)
        .expose_secret()
        .to_owned()
}

#[test]
fn key_is_the_hmac_of_the_scope() {
    // printf %s query | openssl dgst -sha256 -hmac secret
    assert_eq!(
        key(r#"{"signing_key":"secret"}"#, Scope::Query),
        "cb92cef40efaad2dcb30b787cfa23fdc45f680d8d6092d4965f80a9eb201b11b"
    );
    assert_eq!(
        key(r#"{"signing_key":"secret"}"#, Scope::Sparkpost),
        "10f9bacabcca9fba65280e60644725d1062f8d26d0a48c957ad554c3566335ed"
    );
}

#[test]
fn given_key_replaces_the_made_one_of_its_scope_alone() {
    let json = r#"{"signing_key":"secret","sparkpost":"my own key","later_scope":7}"#;

    assert_eq!(key(json, Scope::Sparkpost), "my own key");
    assert_eq!(
        key(json, Scope::Query),
        key(r#"{"signing_key":"secret"}"#, Scope::Query)
    );
}

#[test]
fn documents_that_would_open_too_much_are_errors_without_content() {
    let table = [
        ("planted", KeyDocumentError::NotAnObject),
        (r#""planted""#, KeyDocumentError::NotAnObject),
        ("{}", KeyDocumentError::Member("signing_key")),
        (
            r#"{"signing_key":""}"#,
            KeyDocumentError::Member("signing_key"),
        ),
        (
            r#"{"signing_key":["planted"]}"#,
            KeyDocumentError::Member("signing_key"),
        ),
        (
            r#"{"signing_key":"planted","query":""}"#,
            KeyDocumentError::Member("query"),
        ),
        (
            r#"{"signing_key":"planted","query":null}"#,
            KeyDocumentError::Member("query"),
        ),
    ];

    for (json, expected) in table {
        let error = document(json).unwrap_err();
        assert_eq!(error, expected, "{json}");
        assert!(!format!("{error} {error:?}").contains("planted"));
    }
}

#[test]
fn current_and_previous_keys_open_their_own_scope() {
    let keys = AcceptedKeys::new(
        document(r#"{"signing_key":"new"}"#).unwrap(),
        Some(document(r#"{"signing_key":"old","query":"old query"}"#).unwrap()),
    );
    let now = SystemTime::UNIX_EPOCH;
    let admit = |scope, presented: &str| keys.admit(scope, &SecretString::from(presented), now);
    let opens = |scope, presented: &str| admit(scope, presented) == Admission::Opens;

    assert!(opens(
        Scope::Query,
        &key(r#"{"signing_key":"new"}"#, Scope::Query)
    ));
    assert!(opens(
        Scope::Sparkpost,
        &key(r#"{"signing_key":"old"}"#, Scope::Sparkpost)
    ));
    assert!(opens(Scope::Query, "old query"));
    assert!(!opens(Scope::Sparkpost, "old query"));
    assert!(!opens(
        Scope::Sparkpost,
        &key(r#"{"signing_key":"new"}"#, Scope::Query)
    ));
    assert!(!opens(
        Scope::Query,
        &key(r#"{"signing_key":"other"}"#, Scope::Query)
    ));
    assert!(!opens(Scope::Query, "new"));
    assert!(!opens(Scope::Query, ""));

    assert_eq!(
        admit(Scope::Sparkpost, "old query"),
        Admission::OfAnotherScope
    );
    for unknown in ["new", "", "ct1.9999999999.00"] {
        assert_eq!(admit(Scope::Sparkpost, unknown), Admission::Unknown);
    }
}

#[test]
fn tokens_are_worth_what_their_key_is_until_they_expire() {
    let keys = AcceptedKeys::new(document(r#"{"signing_key":"new"}"#).unwrap(), None);
    let key = SecretString::from(key(r#"{"signing_key":"new"}"#, Scope::Sparkpost));
    let issued = SystemTime::UNIX_EPOCH;
    let token = token::issue(&key, issued);
    let late = issued + 2 * token::ANNOUNCED;

    for (scope, now, admission) in [
        (Scope::Sparkpost, issued, Admission::Opens),
        (Scope::Track, issued, Admission::OfAnotherScope),
        (Scope::Sparkpost, late, Admission::Unknown),
        (Scope::Track, late, Admission::Unknown),
    ] {
        assert_eq!(keys.admit(scope, &token, now), admission, "{scope:?}");
    }
}

/// A comparison that stops at the first difference would take the same short time, however much of a key was
/// guessed.
#[test]
fn what_is_compared_tells_nothing_of_a_common_prefix() {
    let key = key(r#"{"signing_key":"secret"}"#, Scope::Query);
    let compared = digest(&SecretString::from(key.as_str()));

    for known in 0..key.len() {
        let guess = format!("{}{}", &key[..known], "x".repeat(key.len() - known));
        let guess = digest(&SecretString::from(guess));
        let equal = compared.iter().zip(guess).take_while(|(a, b)| **a == *b);
        assert!(equal.count() < 3, "{known} digits known");
    }
}

#[test]
fn keys_have_no_debug_text() {
    let keys = AcceptedKeys::new(
        document(r#"{"signing_key":"planted","query":"planted"}"#).unwrap(),
        None,
    );

    assert!(!format!("{keys:?}").contains("planted"));
}
