//! Signatures of senders by configuration: those that their documentation has, and forty that are broken.

use email_senders::Refused;

use crate::{
    recipes::{GITHUB_SECRET, OWN_SECRET, STRIPE_SECRET},
    signatures::{NOW, Request, assert_broken, bodies, broken},
};

fn request(headers: &[(&str, &str)], body: &str, secret: &str, now: i64) -> Request {
    let headers = headers.iter();
    Request {
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
        secrets: vec![secret.to_owned()],
        now,
        ..Request::default()
    }
}

/// GitHub's own vector.
fn github() -> Request {
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    request(
        &[("x-hub-signature-256", signature)],
        "Hello, World!",
        GITHUB_SECRET,
        NOW,
    )
}

/// Stripe documents the scheme and the header (<https://docs.stripe.com/webhooks#verify-manually>) without a secret; the digest is another
/// implementation's.
fn stripe() -> Request {
    let body = r#"{"id":"evt_1PgafmB7WZ01zgkW6dKueIc5","object":"event","type":"charge.succeeded","created":1492774570,"data":{"object":{"id":"ch_1","receipt_email":"jane@example.com"}}}"#;
    let signature = "t=1492774577,v1=e2f696bdf81ea298862e9b28b2cc4d6641d0bd9570c9e7f1f880e91aa4669200,v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39";
    request(
        &[("stripe-signature", signature)],
        body,
        STRIPE_SECRET,
        1_492_774_600,
    )
}

/// With HMAC-SHA512 of another implementation.
fn own() -> Request {
    let signature = "v1,M7LIo90WXnzPP/RYs80uceiDcRa1AMpjebWLm7Ja/7NZ0qCgVKeWs2HzxsMrqnVtU7HL/XxTqJJhm4vgQpE3sQ==";
    let headers = [
        ("x-own-signature", signature),
        ("x-own-time", "1780333212"),
        ("x-own-id", "d-1"),
    ];
    request(&headers, r#"{"events":[]}"#, OWN_SECRET, NOW)
}

/// The request with one character of its signature changed, for 32 of them.
fn flipped(right: &Request, header: &str, first: usize) -> Vec<(String, Request)> {
    let flip = |place: usize| {
        let changed = right.with(|request| {
            let value = request.headers.get_mut(header).unwrap();
            let other = if value.as_bytes()[place] == b'1' {
                "2"
            } else {
                "1"
            };
            value.replace_range(place..=place, other);
        });
        (format!("character {place}"), changed)
    };
    (first..first + 32).map(flip).collect()
}

fn away(right: &Request, seconds: &[i64]) -> Vec<(String, Request)> {
    let moved = |seconds: &i64| {
        let request = right.with(|request| request.now += seconds);
        (format!("{seconds} s away"), request)
    };
    seconds.iter().map(moved).collect()
}

#[test]
fn forty_broken_requests_of_github_are_refused() {
    let right = github();
    let secrets = [
        "",
        "It's a Secret",
        "It's a Secret to Everybody!",
        "it's a Secret to Everybody",
    ];
    let mut all = broken(&right, &secrets);
    all.extend(bodies(&right));
    all.extend(flipped(&right, "x-hub-signature-256", 7));

    assert_broken("github", &right, all);
    // No time is signed, so a delivery may be as old as it likes.
    assert_eq!(away(&right, &[86_400])[0].1.check("github"), Ok(()));
}

#[test]
fn forty_broken_requests_of_stripe_are_refused() {
    let right = stripe();
    let mut all = broken(
        &right,
        &["", "whsec_", "test_secret", "whsec_test_secreT", OWN_SECRET],
    );
    // The last signature is of another scheme and not looked at.
    all.retain(|(what, _)| {
        !["cut stripe-signature", "longer stripe-signature"].contains(&what.as_str())
    });
    all.extend(bodies(&right));
    all.extend(flipped(&right, "stripe-signature", 16));
    all.extend(away(&right, &[-324, 278, 86_400, -86_400]));
    for (from, to) in [
        ("t=", "T="),
        ("v1=", "v0="),
        ("v1=", "v1"),
        ("t=1492774577", "t=1492774578"),
        ("t=1492774577,", ""),
    ] {
        all.push((
            format!("{from} is {to}"),
            right.with(|request| {
                let value = request.headers.get_mut("stripe-signature").unwrap();
                *value = value.replacen(from, to, 1);
            }),
        ));
    }

    assert_broken("stripe", &right, all);
    let rotated = right.with(|request| {
        let value = request.headers.get_mut("stripe-signature").unwrap();
        *value = value.replace(",v1=", ",v1=00,v1=");
        request
            .secrets
            .insert(0, "another secret of Stripe".to_owned());
    });
    assert_eq!(rotated.check("stripe"), Ok(()));
}

#[test]
fn forty_broken_requests_of_an_own_service_are_refused() {
    let right = own();
    let mut all = broken(
        &right,
        &[
            "",
            "own_",
            &OWN_SECRET[4..],
            "own_AAAA",
            "own_!",
            STRIPE_SECRET,
        ],
    );
    all.extend(bodies(&right));
    all.extend(flipped(&right, "x-own-signature", 3));
    all.extend(away(&right, &[-601, 601, 86_400]));

    assert_broken("own-service", &right, all);
    assert_eq!(
        away(&right, &[601])[0].1.check("own-service"),
        Err(Refused::Stale)
    );
    assert_eq!(away(&right, &[600])[0].1.check("own-service"), Ok(()));
}
