//! The envelope of an event: `{"msys":{"<class>":{…}}}`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::object::for_each_member;
use super::reject_reason::{JsonKind, RejectReason, excerpt};
use crate::json::Text;

/// An element that SparkPost posts to test a webhook. It is no event, and so takes the place of what is none.
pub const PING: &str = r#"{"msys":{}}"#;

/// The content of one element of the array.
pub(super) enum Envelope<'a> {
    /// [`PING`], in any spelling.
    Ping,
    Event {
        class: Cow<'a, str>,
        /// The JSON text of the event, an object.
        payload: &'a str,
    },
}

/// The usual form: `msys` with one class that holds an object, neither of them repeated. It deserializes from nothing
/// else, in the same pass that finds the end of the element.
pub(super) struct UsualEnvelope<'a> {
    class: Cow<'a, str>,
    payload: &'a str,
}

impl<'a> UsualEnvelope<'a> {
    /// The same result as [`open`].
    pub(super) fn open(&self) -> Envelope<'a> {
        Envelope::Event {
            class: self.class.clone(),
            payload: self.payload,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for UsualEnvelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = UsualEnvelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one `msys`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut msys = None;
        while let Some(Text(name)) = members.next_key()? {
            if name != "msys" {
                members.next_value::<IgnoredAny>()?;
            } else if msys.is_none() {
                msys = Some(members.next_value::<OneClass<'de>>()?.0);
            } else {
                return Err(Error::custom("a second `msys`"));
            }
        }
        msys.ok_or_else(|| Error::missing_field("msys"))
    }
}

struct OneClass<'a>(UsualEnvelope<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for OneClass<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MsysVisitor).map(Self)
    }
}

struct MsysVisitor;

impl<'de> Visitor<'de> for MsysVisitor {
    type Value = UsualEnvelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one class")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut classes: A) -> Result<Self::Value, A::Error> {
        let (Text(class), payload): (Text<'de>, &'de RawValue) = classes
            .next_entry()?
            .ok_or_else(|| Error::custom("no class"))?;
        expect_object(payload.get()).map_err(Error::custom)?;
        if classes.next_key::<Text<'de>>()?.is_some() {
            return Err(Error::custom("a second class"));
        }
        Ok(UsualEnvelope {
            class,
            payload: payload.get(),
        })
    }
}

/// How many of several classes a reason names. It also bounds the work for an item with many classes.
const MAX_NAMED_CLASSES: usize = 4;

/// Reads an element in any form. Keys besides `msys`, such as the `cust` of real payloads, are ignored.
pub(super) fn open(element: &str) -> Result<Envelope<'_>, RejectReason> {
    expect_object(element).map_err(|found| RejectReason::ItemNotAnObject { found })?;
    let mut msys = None;
    for_each_member(element, |name, value| {
        if name == "msys" {
            msys = Some(value);
        }
        Ok(())
    })?;
    let msys = msys.ok_or(RejectReason::MissingMsys)?;
    expect_object(msys).map_err(|found| RejectReason::MsysNotAnObject { found })?;

    let mut classes: Vec<(Cow<'_, str>, &str)> = Vec::with_capacity(1);
    for_each_member(msys, |class, payload| {
        if let Some((_, earlier)) = classes.iter_mut().find(|(earlier, _)| *earlier == class) {
            *earlier = payload;
        } else if classes.len() < MAX_NAMED_CLASSES {
            classes.push((class, payload));
        }
        Ok(())
    })?;
    if classes.len() > 1 {
        return Err(several_classes(&classes));
    }
    let Some((class, payload)) = classes.pop() else {
        return Ok(Envelope::Ping);
    };
    match expect_object(payload) {
        Ok(()) => Ok(Envelope::Event { class, payload }),
        Err(found) => Err(RejectReason::EventNotAnObject {
            class: excerpt(&class),
            found,
        }),
    }
}

fn expect_object(value: &str) -> Result<(), JsonKind> {
    match JsonKind::of(value.as_bytes()) {
        JsonKind::Object => Ok(()),
        found => Err(found),
    }
}

fn several_classes(classes: &[(Cow<'_, str>, &str)]) -> RejectReason {
    let names: Vec<_> = classes.iter().map(|(class, _)| excerpt(class)).collect();
    RejectReason::SeveralClasses {
        classes: names.join(", "),
    }
}
