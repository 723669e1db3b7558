use serde_json::json;

use super::*;

fn paths(result: Result<&Vec<Value>, Vec<Problem>>) -> Vec<String> {
    result
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|problem| problem.path)
        .collect()
}

#[test]
fn good_events_pass() {
    let body = json!({"events": [
        {"email": "a@x.org", "eventName": "e", "id": "1", "createdAt": 1_700_000_000, "dataFields": {"a": null}},
        {"userId": "u", "eventName": "e"},
    ]});

    assert_eq!(events(&body).unwrap().len(), 2);
}

#[test]
fn each_problem_of_an_event_is_named_with_its_place() {
    let good = json!({"userId": "u", "eventName": "e", "id": "1"});
    for (event, path) in [
        (json!(7), "obj.events[1]"),
        (json!({"userId": "u"}), "obj.events[1].eventName"),
        (
            json!({"userId": "u", "eventName": ""}),
            "obj.events[1].eventName",
        ),
        (json!({"eventName": "e"}), "obj.events[1]"),
        (
            json!({"eventName": "e", "userId": "u", "email": "a@x.org"}),
            "obj.events[1]",
        ),
        (
            json!({"eventName": "e", "userId": "u", "createdAt": "now"}),
            "obj.events[1].createdAt",
        ),
        (
            json!({"eventName": "e", "userId": "u", "createdAt": 1.5}),
            "obj.events[1].createdAt",
        ),
        (
            json!({"eventName": "e", "userId": "u", "createdAt": 1_700_000_000_000_i64}),
            "obj.events[1].createdAt",
        ),
        (
            json!({"eventName": "e", "userId": "u", "id": "x".repeat(513)}),
            "obj.events[1].id",
        ),
        (
            json!({"eventName": "e", "userId": "u", "id": "1"}),
            "obj.events[1].id",
        ),
        (
            json!({"eventName": "e", "userId": "u", "id": "mp:5"}),
            "obj.events[1].id",
        ),
        (
            json!({"eventName": "e", "userId": "u", "id": "order_5"}),
            "obj.events[1].id",
        ),
        (
            json!({"eventName": "e", "userId": "u", "dataFields": []}),
            "obj.events[1].dataFields",
        ),
        (
            json!({"eventName": "e", "userId": "u", "preferUserId": true}),
            "obj.events[1].preferUserId",
        ),
    ] {
        let body = json!({"events": [good.clone(), event.clone()]});

        assert!(paths(events(&body)).contains(&path.to_owned()), "{event}");
    }
}

#[test]
fn body_is_a_list_and_not_an_empty_one() {
    for body in [
        json!([]),
        json!({}),
        json!({"events": {}}),
        json!({"events": []}),
        json!({"events": [1], "x": 1}),
    ] {
        assert!(!paths(events(&body)).is_empty(), "{body}");
    }
}

#[test]
fn purchase_needs_what_swagger_requires() {
    let good = json!({"user": {"userId": "u"}, "total": 1.5, "id": "1", "createdAt": 1,
            "items": [{"id": "a", "name": "n", "price": 1.5, "quantity": 1, "categories": ["x"]}]});
    assert_eq!(purchase(&good), Ok(()));

    for (pointer, value) in [
        ("/id", json!("a b")),
        ("/total", json!("1.5")),
        ("/items/0/quantity", json!(1.5)),
        ("/items/0/price", json!(null)),
        ("/items/0/categories", json!("x")),
        ("/user", json!({})),
        ("/items", json!({})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;

        assert!(purchase(&bad).is_err(), "{pointer}");
    }
}

#[test]
fn users_are_named_once() {
    assert!(
        users(&json!({"users": [{"userId": "u", "dataFields": {}, "preferUserId": true}]})).is_ok()
    );
    assert_eq!(
        paths(users(&json!({"users": [{"dataFields": {}}]}))),
        ["obj.users[0]"]
    );
    assert_eq!(
        paths(users(
            &json!({"users": [{"userId": "u", "preferUserId": 1}]})
        )),
        ["obj.users[0].preferUserId"]
    );
}
