use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn identity(payload: &str) -> Fingerprint {
    identity_of("sms_status", payload).unwrap()
}

#[test]
fn spelling_is_no_part_of_an_event() {
    let webhook = concat!(
        r#"{"type":"sms_status","timestamp":"1454442600","customer_id":"1","sms_text":"été","dr_latency":0.02,"#,
        r#""sms_segments":100,"injection_time":"2016-02-02T19:49:58+00:00","list":["a",{"b":1,"c":null}],"n":null}"#
    );
    for other in [
        concat!(
            r#"{ "list" : [ "a" , {"b":1.0} ], "sms_segments":1e2, "dr_latency": 2.00E-2, "#,
            "\n",
            r#""sms_text":"\u00e9t\u00E9","customer_id":1,"timestamp":1454442600,"#,
            r#""injection_time":"2016-02-02T20:49:58.500+01:00"}"#
        ),
        concat!(
            r#"{"sms_text":"other","timestamp":"2016-02-02T19:50:00.123Z","customer_id":1,"sms_text":"été","#,
            r#""dr_latency":0.020,"sms_segments":"100","injection_time":1454442598,"list":["a",{"c":null,"b":"1"}]}"#
        ),
    ] {
        assert_eq!(identity(webhook), identity(other), "{other}");
    }
}

#[test]
fn everything_else_is() {
    let payloads = [
        r#"{"timestamp":"1454442600"}"#,
        r#"{"timestamp":"1454442601"}"#,
        r#"{"timestamp":"soon"}"#,
        r#"{"timestamp":"1454442600","a":"1.0"}"#,
        r#"{"timestamp":"1454442600","a":1}"#,
        r#"{"timestamp":"1454442600","a":"01"}"#,
        r#"{"timestamp":"1454442600","a":-1}"#,
        r#"{"timestamp":"1454442600","a":10}"#,
        r#"{"timestamp":"1454442600","a":0}"#,
        r#"{"timestamp":"1454442600","a":1e99999999999999999999}"#,
        r#"{"timestamp":"1454442600","a":true}"#,
        r#"{"timestamp":"1454442600","a":"true"}"#,
        r#"{"timestamp":"1454442600","a":""}"#,
        r#"{"timestamp":"1454442600","a":[]}"#,
        r#"{"timestamp":"1454442600","a":{}}"#,
        r#"{"timestamp":"1454442600","a":[[1],2]}"#,
        r#"{"timestamp":"1454442600","a":[1,[2]]}"#,
        r#"{"timestamp":"1454442600","a":[2,1]}"#,
        r#"{"timestamp":"1454442600","a":{"b":1}}"#,
        r#"{"timestamp":"1454442600","a":{"timestamp":"1454442600"}}"#,
        r#"{"timestamp":"1454442600","a":{"timestamp":"2016-02-02T19:50:00Z"}}"#,
        r#"{"timestamp":"1454442600","b":"a"}"#,
        r#"{"timestamp":"1454442600","a":"b"}"#,
    ];
    let distinct: std::collections::BTreeSet<_> = payloads.map(identity).into();

    assert_eq!(distinct.len(), payloads.len());
    assert_ne!(
        identity_of("open", payloads[0]).unwrap(),
        identity(payloads[0])
    );
}

#[test]
fn object_with_more_members_than_are_sorted_is_compared_as_written() {
    let members = |count: usize, first: &str| {
        let rest = (0..count).map(|n| format!(r#","m{n}":{n}"#));
        format!("{{{first}{}}}", rest.collect::<String>())
    };
    let spelled = [r#""n":1.0"#, r#""n":1"#];

    let few = spelled.map(|first| identity(&members(MAX_SORTED_MEMBERS - 1, first)));
    let many = spelled.map(|first| identity(&members(MAX_SORTED_MEMBERS, first)));

    assert_eq!(few[0], few[1]);
    assert_ne!(many[0], many[1]);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zé\"]{1,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same JSON with members in reverse order, escapes for all letters and white space everywhere.
fn respelled(value: &Value) -> String {
    let string = |text: &str| {
        let mut escaped = String::new();
        for unit in text.encode_utf16() {
            write!(escaped, "\\u{unit:04X}").unwrap();
        }
        format!("\"{escaped}\"")
    };
    match value {
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .rev()
                .map(|(name, member)| format!("{} : {}", string(name), respelled(member)))
                .collect();
            format!("{{ {}\n}}", members.join(" ,\t"))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(respelled).collect();
            format!("[ {} ]", items.join(" , "))
        }
        Value::String(text) => string(text),
        Value::Number(number) if number.is_i64() && number.as_i64() != Some(0) => {
            format!("{number}0e-1")
        }
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn event_that_is_written_again_is_the_same(
        members in prop::collection::btree_map("[a-z_é]{1,8}", values(), 0..6),
    ) {
        let event = Value::Object(members.into_iter().collect::<Map<_, _>>());

        prop_assert_eq!(identity(&event.to_string()), identity(&respelled(&event)));
        let mut other = event.clone();
        other["one member more"] = json!(1);
        prop_assert_ne!(identity(&event.to_string()), identity(&other.to_string()));
    }
}
