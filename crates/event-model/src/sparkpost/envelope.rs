//! What surrounds an event: `{"msys":{"<class>":{…}}}`.

use std::borrow::Cow;

use super::object::for_each_member;
use super::reject_reason::{JsonKind, RejectReason, excerpt};

/// What one element of the array turned out to be.
pub(super) enum Envelope<'a> {
    /// `{"msys":{}}`, which SparkPost posts to see whether a webhook answers.
    Ping,
    Event {
        class: Cow<'a, str>,
        /// The JSON text of the event, an object.
        payload: &'a str,
    },
}

/// How many of several classes a reason names. It also bounds the work that an item full of classes can cause.
const MAX_NAMED_CLASSES: usize = 4;

/// Opens one element. Keys beside `msys`, such as the `cust` of real payloads, are passed over.
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
