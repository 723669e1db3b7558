//! The user of a batch: `user_identities`, an object in the inbound form and an array in the outbound form.

use std::borrow::Cow;

use super::{Field, Kind, object::lenient_object};

/// One name of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// `customer_id`, `email`, `other_id_2` and so on, in mParticle's spelling.
    pub kind: Cow<'a, str>,
    /// The name; numbers as their digits.
    pub value: Cow<'a, str>,
}

/// The names of a batch's user, in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities<'a>(Vec<Identity<'a>>);

lenient_object! {
    struct OutboundIdentity<'a> {
        identity_type: Field<'a>,
        identity: Field<'a>,
    }
}

impl<'a> Identities<'a> {
    /// Reads either form; other values are no identities.
    pub fn read(user_identities: Field<'a>) -> Self {
        let pairs = match user_identities.kind() {
            Kind::Object => user_identities.entries().unwrap_or_default(),
            Kind::Array => user_identities
                .items()
                .filter_map(|item| {
                    let sent: OutboundIdentity<'a> = item.read();
                    Some((sent.identity_type.text()?, sent.identity))
                })
                .collect(),
            _ => Vec::new(),
        };
        let identity = |(kind, value): (Cow<'a, str>, Field<'a>)| {
            Some(Identity {
                kind: canonical(kind),
                value: value.text()?,
            })
        };
        Self(pairs.into_iter().filter_map(identity).collect())
    }

    /// The name of this type; the last one if there are several.
    pub fn get(&self, kind: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|identity| identity.kind == kind)
            .map(|identity| &*identity.value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Identity<'a>> {
        self.0.iter()
    }
}

/// Older clients write `customerid` and `customerId`.
fn canonical(kind: Cow<'_, str>) -> Cow<'_, str> {
    if kind.eq_ignore_ascii_case("customerid") {
        Cow::Borrowed("customer_id")
    } else {
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(json: &str) -> Identities<'_> {
        Identities::read(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn both_forms_read_alike() {
        let inbound =
            identities(r#"{"customer_id": 123456, "email": "ada@example.com", "other": null}"#);
        let outbound = identities(
            r#"[{"identity_type":"customer_id","identity":"123456","timestamp_unixtime_ms":1},
                {"identity_type":"email","identity":"ada@example.com"}, 7, {"identity":"x"}]"#,
        );

        assert_eq!(inbound, outbound);
        assert_eq!(inbound.get("customer_id"), Some("123456"));
        assert_eq!(inbound.get("google"), None);
    }

    #[test]
    fn older_spelling_of_customer_id_is_understood() {
        assert_eq!(
            identities(r#"{"customerId":"ada"}"#).get("customer_id"),
            Some("ada")
        );
    }

    #[test]
    fn last_of_a_kind_holds() {
        assert_eq!(
            identities(r#"{"email":"a@x.org","email":"b@x.org"}"#).get("email"),
            Some("b@x.org")
        );
    }

    #[test]
    fn other_kinds_of_values_are_no_identity() {
        for json in [
            "null",
            "{}",
            "[]",
            "\"ada\"",
            "5",
            r#"{"email":["a@x.org"]}"#,
        ] {
            assert_eq!(identities(json), Identities::default(), "{json}");
        }
    }
}
