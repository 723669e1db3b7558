use super::*;
use crate::endpoint::Endpoint;

fn parse(query: &str, delimiter: &str) -> Result<Filters, ParamError> {
    let keys = IndexedKeys::new(["user_id".to_owned(), "order".to_owned()]);
    let query = format!("{query}&delimiter={delimiter}");
    Filters::parse(&RawParams::parse(&query, Endpoint::Search)?, &keys)
}

fn text(field: TextField, values: &[&str]) -> Filter {
    Filter::Text {
        field,
        values: values.iter().copied().map(str::to_owned).collect(),
    }
}

#[test]
fn order_case_and_repetition_do_not_make_another_search() {
    let one = parse(
        "recipients=b@x.org,a@x.org&events=click,bounce&campaigns=a-b",
        ",",
    )
    .unwrap();
    let other = parse(
        "campaigns=A_B,a b&events=bounce&recipients=a@x.org&events=click,click&recipients=,b@x.org ,",
        ",",
    );

    assert_eq!(Ok(&one), other.as_ref());
    assert_eq!(one.digest(), other.unwrap().digest());
    let capitals = parse("recipients=A@x.org&from_addresses=News <n@X.org>", ",").unwrap();
    let small = parse("recipients=a@X.org&from_addresses=N@x.org", ",").unwrap();
    assert_eq!(capitals.digest(), small.digest());
}

#[test]
fn delimiter_splits_every_list_but_no_part_of_a_reason() {
    let filters = parse(
        "events=click;open&recipients=a,b@x.org;c@x.org&reason=full; try later, please",
        ";",
    );

    let types = ["click", "open"].map(|name| name.parse().unwrap()).into();
    let expected = vec![
        Filter::EventTypes(types),
        text(TextField::RcptTo, &["a,b@x.org", "c@x.org"]),
        Filter::ReasonContains("full; try later, please".to_owned()),
    ];
    assert_eq!(filters, Ok(Filters(expected)));
}

#[test]
fn ip_addresses_are_looked_for_in_the_usual_spellings() {
    let values = |query| parse(query, ",").unwrap().iter().next().unwrap().values();

    assert_eq!(values("sending_ips=10.0.0.7,no-ip"), ["10.0.0.7", "no-ip"]);
    assert_eq!(
        values("sending_ips=2001:DB8:0::1"),
        ["2001:DB8:0::1", "2001:DB8::1", "2001:db8::1"]
    );
}

#[test]
fn list_without_items_is_no_condition() {
    assert_eq!(
        parse("events=,&recipients= , ,&subjects=,,", ",").unwrap(),
        Filters(vec![])
    );
}

#[test]
fn both_vocabularies_mean_the_same() {
    let pairs = [
        ("campaigns=x y", "campaign_ids=x y"),
        ("templates=x", "template_ids=x"),
        ("messages=x", "message_ids=x"),
        ("transmissions=1", "transmission_ids=1"),
        ("from_addresses=X@y.z", "friendly_froms=x@Y.z"),
        ("ab_tests=x", "ab_test_ids=x"),
    ];

    for (newer, older) in pairs {
        assert_eq!(parse(newer, ","), parse(older, ","), "{newer}");
        assert_eq!(parse(newer, ",").unwrap().iter().count(), 1);
    }
    assert_ne!(parse("reasons=full", ","), parse("reason=full", ","));
}

#[test]
fn wrong_values_name_the_parameter_as_it_was_written() {
    let cases = [
        ("events=bounce,out of band", "events"),
        ("bounce_classes=10,x", "bounce_classes"),
        ("bounce_classes=99999", "bounce_classes"),
        ("subaccounts=1.5", "subaccounts"),
        ("subaccounts=99999999999", "subaccounts"),
        ("subjects=a,-_-", "subjects"),
        ("campaign_ids=_", "campaign_ids"),
        ("recipient_domains=.", "recipient_domains"),
        ("ab_test_versions=2", "ab_test_versions"),
    ];

    for (query, param) in cases {
        let error = parse(query, ",").unwrap_err();
        assert_eq!(error.param, param, "{query}");
    }
    assert!(parse("ab_test_versions=2&ab_test_ids=x", ",").is_ok());
}

#[test]
fn metadata_is_searched_by_indexed_keys_only() {
    let filters = parse(
        "metadata.user_id=7,8&metadata.order=x&metadata.user_id=9&metadata.order=",
        ",",
    );

    let metadata = |key: &str, values: &[&str]| Filter::Metadata {
        key: key.to_owned(),
        values: values.iter().copied().map(str::to_owned).collect(),
    };
    let expected = vec![
        metadata("order", &["x"]),
        metadata("user_id", &["7", "8", "9"]),
    ];
    assert_eq!(filters, Ok(Filters(expected)));

    let error = parse("metadata.User_Id=7", ",").unwrap_err();
    assert_eq!(error.param, "metadata.User_Id");
    assert!(error.message.contains("only order, user_id have an index"));
}

#[test]
fn what_names_no_event_type_is_told_the_choice_and_not_repeated() {
    let error = parse("events=bounce,'bounced'", ",").unwrap_err();

    assert!(error.message.contains("out_of_band") && !error.message.contains("bounced"));
}

#[test]
fn types_that_nobody_has_documented_can_be_asked_for_beside_others() {
    let filters = parse("events=bounce,newer_than_this,New-Class.v2", ",");

    let types = ["bounce", "newer_than_this", "New-Class.v2"].map(|name| name.parse().unwrap());
    assert_eq!(filters, Ok(Filters(vec![Filter::EventTypes(types.into())])));
}

#[test]
fn digest_tells_searches_apart() {
    let queries = [
        "",
        "events=click",
        "events=open",
        "recipients=click",
        "messages=click",
        "recipients=a;b",
        "recipients=a,b",
        "subjects=a b",
        "subjects=a;b",
        "reasons=a b",
        "reason=a b",
        "bounce_classes=1",
        "subaccounts=1",
        "tags=a",
        "metadata.order=a",
        "metadata.user_id=a",
    ];
    let digests: BTreeSet<_> = queries
        .iter()
        .map(|query| parse(query, ";").unwrap().digest())
        .collect();

    assert_eq!(digests.len(), queries.len());
}
