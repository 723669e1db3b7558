use super::*;
use crate::MappingConfig;

fn render(config: &str, json: &str) -> Option<(String, Vec<String>)> {
    let config = MappingConfig::from_json(config).unwrap();
    let field = serde_json::from_str::<Field<'_>>(json).unwrap();
    let rendered = config.attributes.render("a", "mp_", field)?;
    let notes = rendered.notes.iter();
    let notes = notes.map(|note| format!("{}: {}", note.code(), note.field().unwrap()));
    Some((rendered.json.into_owned(), notes.collect()))
}

#[test]
fn names_inside_of_objects_follow_the_rules_of_attributes() {
    for (sent, expected, notes) in [
        (
            r#"{ "b": [1, {"c": null}] }"#,
            r#"{ "b": [1, {"c": null}] }"#,
            vec![],
        ),
        (
            r#"{"b.c":1,"_d":{"e,f":"x"},"7":true}"#,
            r#"{"b_c":1,"d":{"e_f":"x"},"mp_7":true}"#,
            vec![
                "field_renamed: a.b.c",
                "field_renamed: a._d.e,f",
                "field_renamed: a._d",
                "field_renamed: a.7",
            ],
        ),
        (
            r#"[{"b.c":1},{"b.c":2,"":3}]"#,
            r#"[{"b_c":1},{"b_c":2}]"#,
            vec!["field_renamed: a.b.c", "field_left_out: a."],
        ),
        (
            r#"{"b.c":1,"b_c":2,"d":3,"d":4}"#,
            r#"{"b_c":2,"d":4}"#,
            vec!["field_left_out: a.b.c", "field_left_out: a.d"],
        ),
        (
            r#"{"b":"\ud83d"}"#,
            "{\"b\":\"\u{fffd}\"}",
            vec!["field_changed: a.b"],
        ),
    ] {
        let (json, found) = render("{}", sent).unwrap();

        assert_eq!(json, expected, "{sent}");
        assert_eq!(found, notes, "{sent}");
    }
}

#[test]
fn nesting_and_notes_are_bounded() {
    let deep = format!(r#"{{"b":{}1{}}}"#, "[".repeat(30), "]".repeat(30));
    let wide: Vec<String> = (0..500)
        .map(|number| format!(r#""b.{number}":1"#))
        .collect();
    let long = format!(r#"["{}"]"#, "x".repeat(MAX_TEXT_BYTES));

    let (json, notes) = render("{}", &deep).unwrap();
    assert_eq!(
        json,
        format!(r#"{{"b":{}{}}}"#, "[".repeat(19), "]".repeat(19))
    );
    assert_eq!(notes, ["field_left_out: a.b"]);
    let (json, notes) = render("{}", &format!("{{{}}}", wide.join(","))).unwrap();
    assert_eq!(json.matches("\"b_").count(), 500);
    assert_eq!(notes.len(), MAX_PATH_NOTES + 1);
    assert_eq!(notes[MAX_PATH_NOTES], "field_renamed: a");
    assert!(render("{}", &long).is_none());
}

#[test]
fn change_of_type_by_configuration_is_noted() {
    let mparticle = r#"{"attributes":{"coerce":"mparticle"}}"#;
    let as_sent = r#"{"attributes":{"coerce":"as_sent"}}"#;
    let typed = |name| format!(r#"{{"attributes":{{"types":{{"a":"{name}"}}}}}}"#);
    for (config, sent, expected, note) in [
        ("{}", "5", r#""5""#, Some("field_type_changed: a")),
        ("{}", "true", r#""true""#, Some("field_type_changed: a")),
        ("{}", r#""5""#, r#""5""#, None),
        (as_sent, "5", "5", None),
        (mparticle, r#""5""#, "5", Some("field_type_changed: a")),
        (
            mparticle,
            r#""TRUE""#,
            "true",
            Some("field_type_changed: a"),
        ),
        (mparticle, r#""x""#, r#""x""#, None),
        (
            &typed("number"),
            r#""1.50""#,
            "1.50",
            Some("field_type_changed: a"),
        ),
        (&typed("integer"), "5.0", "5", Some("field_changed: a")),
        (&typed("boolean"), "true", "true", None),
    ] {
        let (json, notes) = render(config, sent).unwrap();

        assert_eq!(json, expected, "{config} {sent}");
        assert_eq!(notes.first().map(String::as_str), note, "{config} {sent}");
    }
}
