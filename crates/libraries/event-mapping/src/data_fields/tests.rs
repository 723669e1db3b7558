use super::*;
use crate::{FieldType, MappingConfig};

fn entries(json: &str) -> Entries<'_> {
    serde_json::from_str::<Field<'_>>(json)
        .unwrap()
        .entries()
        .unwrap()
}

#[test]
fn first_of_a_name_holds_and_last_among_attributes() {
    let mut fields = DataFields::default();
    fields.string("screen_name", "Home");

    fields.attributes(
        &AttributeConfig::default(),
        "mp_",
        &entries(r#"{"screen_name":"Other","a":"1","b":null,"a":"2","":"x"}"#),
    );

    let (object, notes) = fields.finish();
    assert_eq!(object.finish(), r#"{"screen_name":"Home","a":"2"}"#);
    let left_out = ["screen_name", "a", ""].map(|name| Note::FieldLeftOut(name.to_owned()));
    assert_eq!(notes, left_out);
}

#[test]
fn names_that_are_not_allowed_are_replaced_unless_that_clashes() {
    let mut fields = DataFields::default();
    let long = "x".repeat(33_000);

    fields.attributes(
        &AttributeConfig::default(),
        "mp_",
        &entries(&format!(
            r#"{{"a.b":"1","a_b":"2","email":"3","c.d":"4","c,d":"5","long":"{long}"}}"#
        )),
    );

    let (object, notes) = fields.finish();
    assert_eq!(object.finish(), r#"{"a_b":"2","mp_email":"3","c_d":"4"}"#);
    assert_eq!(
        notes,
        [
            Note::FieldLeftOut("a.b".to_owned()),
            Note::FieldRenamed("email".to_owned()),
            Note::FieldRenamed("c.d".to_owned()),
            Note::FieldLeftOut("c,d".to_owned()),
            Note::FieldLeftOut("long".to_owned()),
        ]
    );
}

#[test]
fn no_value_goes_without_a_note() {
    let field = |json| serde_json::from_str::<Field<'_>>(json).unwrap();
    let mut fields = DataFields::default();

    fields.number("total", field(r#""1,299.00""#));
    fields.number("tax", field("true"));
    fields.number("none", field("null"));
    fields.boolean("is_new", field("1"));
    fields.text("name", field("{}"));
    fields.text("blank", field(r#"" ""#));

    let (object, notes) = fields.finish();
    assert_eq!(object.finish(), r#"{"total_text":"1,299.00"}"#);
    let left_out = ["tax", "is_new", "name"].map(|name| Note::FieldLeftOut(name.to_owned()));
    assert_eq!(notes[0], Note::FieldAsText("total_text".to_owned()));
    assert_eq!(notes[1..], left_out);

    let mut fields = DataFields::default();
    fields.text("half", field(r#""\ud83d""#));
    fields.text("whole", field(r#""\ufffd""#));
    assert_eq!(fields.finish().1, [Note::FieldChanged("half".to_owned())]);
}

#[test]
fn attributes_are_chosen_and_typed() {
    let config = MappingConfig::from_json(
        r#"{"attributes":{"types":{"price":"number","size":"integer"},"except":["secret"]}}"#,
    )
    .unwrap();
    let mut fields = DataFields::default();

    fields.attributes(
        &config.attributes,
        "mp_",
        &entries(r#"{"price":"11.90","size":"L","secret":"x","other":5}"#),
    );

    let (object, notes) = fields.finish();
    assert_eq!(config.attributes.types["price"], FieldType::Number);
    assert_eq!(object.finish(), r#"{"price":11.90,"other":"5"}"#);
    assert_eq!(
        notes,
        [
            Note::FieldTypeChanged("price".to_owned()),
            Note::FieldLeftOut("size".to_owned()),
            Note::FieldTypeChanged("other".to_owned()),
        ]
    );
}
