//! The names that fields may have at Iterable.
//!
//! A name that Iterable's pages would refuse can be created through its API, and then cannot be managed there; a dot
//! makes a member of another field, and the names of an event's own members are not available
//! (<https://support.iterable.com/hc/en-us/articles/26821896236948>,
//! <https://support.iterable.com/hc/en-us/articles/217744303>). Such a field is sent under the nearest allowed name,
//! with a note.

use std::borrow::Cow;

use super::name::MAX_NAME_CHARS;

/// The longest text of a field, in bytes: Iterable documents "approximately 32k characters", and its index accepts
/// 32,766 bytes.
pub(super) const MAX_TEXT_BYTES: usize = 32_766;

/// The members of an event that are not fields.
const PARTS_OF_EVENTS: [&str; 9] = [
    "email",
    "userId",
    "eventName",
    "createdAt",
    "campaignId",
    "templateId",
    "messageId",
    "itblInternal",
    "itblDS",
];

/// Profile fields that Iterable maintains itself, or that identify the user.
const PARTS_OF_PROFILES: [&str; 11] = [
    "email",
    "userId",
    "emailListIds",
    "itblInternal",
    "itblDS",
    "itblUserId",
    "profileUpdatedAt",
    "receivedSMSDisclaimer",
    "signupDate",
    "signupSource",
    "subscribedMessageTypeIds",
];

/// The name under which a field of an event is sent; `None` if there is none. `prefix` is added to names that are
/// members of the event or consist of digits.
pub(super) fn of_event<'n>(name: &'n str, prefix: &str) -> Option<Cow<'n, str>> {
    let allowed = allowed(name)?;
    if PARTS_OF_EVENTS.contains(&&*allowed) || is_number(&allowed) {
        return Some(prefixed(&allowed, prefix));
    }
    Some(allowed)
}

/// The name under which a field of a profile is sent; `None` if there is none, or senders may not set it.
pub(super) fn of_profile(name: &str) -> Option<Cow<'_, str>> {
    let allowed = allowed(name)?;
    let is_free = !PARTS_OF_PROFILES.contains(&&*allowed) && !is_number(&allowed);
    is_free.then_some(allowed)
}

/// The name under which a member of an object inside a field is sent; `None` if there is none.
pub(super) fn of_member<'n>(name: &'n str, prefix: &str) -> Option<Cow<'n, str>> {
    let allowed = allowed(name)?;
    Some(if is_number(&allowed) {
        prefixed(&allowed, prefix)
    } else {
        allowed
    })
}

fn prefixed(name: &str, prefix: &str) -> Cow<'static, str> {
    let prefix = if prefix.is_empty() { "mp_" } else { prefix };
    Cow::Owned(format!("{prefix}{name}"))
}

fn allowed(name: &str) -> Option<Cow<'_, str>> {
    let is_refused = |c: char| matches!(c, '.' | ',' | '#') || c.is_control();
    let inner = name.trim_start_matches('_');
    if inner.trim().is_empty() || is_too_long(name) {
        return None;
    }
    if !inner.contains(is_refused) {
        return Some(Cow::Borrowed(inner));
    }
    let replaced = inner.replace(is_refused, "_");
    let inner = replaced.trim_start_matches('_');
    (!inner.trim().is_empty()).then(|| Cow::Owned(inner.to_owned()))
}

fn is_too_long(name: &str) -> bool {
    // Bytes are at least as many as characters, and counted already.
    name.len() > MAX_NAME_CHARS && name.chars().count() > MAX_NAME_CHARS
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_go_out_as_they_are_or_as_the_nearest_allowed() {
        for (name, expected) in [
            ("price", Some("price")),
            ("Größe in m", Some("Größe in m")),
            ("a_b", Some("a_b")),
            ("product.price", Some("product_price")),
            ("_private", Some("private")),
            ("__", None),
            ("price,eur", Some("price_eur")),
            ("#tag", Some("tag")),
            ("123", Some("mp_123")),
            ("email", Some("mp_email")),
            ("_email", Some("mp_email")),
            ("createdAt", Some("mp_createdAt")),
            ("", None),
            (" ", None),
            ("...", None),
        ] {
            assert_eq!(of_event(name, "mp_").as_deref(), expected, "{name}");
        }
        assert_eq!(of_event(&"x".repeat(256), "mp_"), None);
        assert_eq!(of_event("email", "").as_deref(), Some("mp_email"));
    }

    #[test]
    fn fields_of_a_profile_that_are_not_the_senders_are_left_out() {
        for name in ["email", "userId", "signupDate", "itblInternal.x", "123"] {
            let allowed = of_profile(name);
            assert!(
                allowed.is_none_or(|allowed| allowed == "itblInternal_x"),
                "{name}"
            );
        }
        assert_eq!(of_profile("home.city").as_deref(), Some("home_city"));
    }

    proptest! {
        #[test]
        fn an_allowed_name_stays_and_any_other_becomes_one(name in "[a-z0-9_.,# ]{0,8}|.{0,300}") {
            for allowed in [of_event(&name, "mp_"), of_member(&name, "mp_"), of_profile(&name)].into_iter().flatten() {
                let prefix = if allowed.starts_with("mp_") { "mp_" } else { "" };
                prop_assert!(!allowed.starts_with('_') && !allowed.contains(['.', ',', '#']), "{}", allowed);
                prop_assert!(!is_number(&allowed));
                prop_assert_eq!(of_event(&allowed, prefix), Some(Cow::Borrowed(&*allowed)));
            }
        }
    }
}
