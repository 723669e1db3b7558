//! The names under which events are sent.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{ConfigError, EventKind, MappingConfig};

/// The longest name of an event or a field, in characters, and the longest part of one in a configuration
/// (<https://support.iterable.com/hc/en-us/articles/26821896236948>).
pub(super) const MAX_NAME_CHARS: usize = 255;

/// An event name in the form in which Iterable accepts it: control characters are replaced, and what is over
/// [`MAX_NAME_CHARS`] is truncated. Truncation keeps the event, and its id and fields distinguish it from others of that name.
pub(super) fn sent_event_name(name: &str) -> Cow<'_, str> {
    if name.chars().count() <= MAX_NAME_CHARS && !name.contains(char::is_control) {
        return Cow::Borrowed(name);
    }
    let allowed = |c: char| if c.is_control() { '_' } else { c };
    Cow::Owned(name.chars().take(MAX_NAME_CHARS).map(allowed).collect())
}

/// Makes event names as configured.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    patterns: BTreeMap<EventKind, Pattern>,
    prefix: String,
    rename: BTreeMap<String, String>,
    only: BTreeSet<String>,
    except: BTreeSet<String>,
}

impl Naming {
    /// # Errors
    /// When a configured name is no pattern for its type.
    pub(super) fn new(config: &MappingConfig) -> Result<Self, ConfigError> {
        let mut patterns = BTreeMap::new();
        for kind in EventKind::ALL {
            if let Some(text) = &config.events.rule(kind).name {
                patterns.insert(kind, Pattern::parse(kind, text)?);
            }
        }
        Ok(Self {
            patterns,
            prefix: config.event_name_prefix.clone(),
            rename: config.rename.clone(),
            only: config.only_names.clone(),
            except: config.except_names.clone(),
        })
    }

    /// The name of an event of this type, where `value` replaces the type's placeholder; `None` if events of that name
    /// are not sent.
    pub(super) fn event_name(&self, kind: EventKind, value: Option<&str>) -> Option<String> {
        let name = match (self.patterns.get(&kind), value) {
            (Some(pattern), value) => pattern
                .render(value)
                .unwrap_or_else(|| kind.base_name().to_owned()),
            (None, Some(value)) if kind.is_named_by_value() => value.to_owned(),
            (None, _) => kind.base_name().to_owned(),
        };
        self.finish(name)
    }

    /// Whether the name of events of this type includes `value`.
    pub(super) fn tells_value(&self, kind: EventKind) -> bool {
        self.patterns
            .get(&kind)
            .map_or(kind.is_named_by_value(), |pattern| pattern.back.is_some())
    }

    fn finish(&self, name: String) -> Option<String> {
        let wanted =
            (self.only.is_empty() || self.only.contains(&name)) && !self.except.contains(&name);
        if !wanted {
            return None;
        }
        let name = self.rename.get(&name).cloned().unwrap_or(name);
        Some(if self.prefix.is_empty() {
            name
        } else {
            format!("{}{name}", self.prefix)
        })
    }
}

impl EventKind {
    /// mParticle's name of the type, without the event's own name.
    const fn base_name(self) -> &'static str {
        match self {
            Self::ScreenView => "screen_view",
            Self::SessionStart => "session_start",
            Self::SessionEnd => "session_end",
            Self::ApplicationStateTransition => "application_state_transition",
            Self::FirstRun => "first_run",
            Self::Uninstall => "uninstall",
            Self::OptOut => "opt_out",
            Self::Profile => "profile",
            Self::CustomEvent => "custom_event",
            Self::Commerce => "commerce_event",
        }
    }

    /// What a configured name may contain.
    const fn placeholder(self) -> Option<&'static str> {
        match self {
            Self::ScreenView => Some("{screen_name}"),
            Self::ApplicationStateTransition => Some("{transition}"),
            Self::CustomEvent => Some("{event_name}"),
            Self::Commerce => Some("{action}"),
            Self::SessionStart
            | Self::SessionEnd
            | Self::FirstRun
            | Self::Uninstall
            | Self::OptOut
            | Self::Profile => None,
        }
    }

    /// Whether the default name is the event's own name. Screens keep the type's name: otherwise every screen would
    /// become an event name at Iterable, each with its own set of fields.
    const fn is_named_by_value(self) -> bool {
        matches!(
            self,
            Self::ApplicationStateTransition | Self::CustomEvent | Self::Commerce
        )
    }
}

/// A name with at most one placeholder: `Viewed {screen_name} Screen`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    front: String,
    /// The text after the placeholder, if there is one.
    back: Option<String>,
}

impl Pattern {
    fn parse(kind: EventKind, text: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: String| {
            let path = format!("events.{}.name", kind.config_name());
            Err(ConfigError::Value { path, problem })
        };
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return refuse("must be a name, without control characters".to_owned());
        }
        if text.chars().count() > MAX_NAME_CHARS {
            return refuse(format!("is longer than {MAX_NAME_CHARS} characters"));
        }
        let placeholder = kind.placeholder();
        let pattern = match placeholder.and_then(|placeholder| text.split_once(placeholder)) {
            Some((front, back)) => Self {
                front: front.to_owned(),
                back: Some(back.to_owned()),
            },
            None => Self {
                front: text.to_owned(),
                back: None,
            },
        };
        let braces = |part: &str| part.contains(['{', '}']);
        if braces(&pattern.front) || pattern.back.as_deref().is_some_and(braces) {
            return refuse(match placeholder {
                Some(placeholder) => format!("may hold {placeholder} once and no other braces"),
                None => "may hold no braces: there is nothing to put in".to_owned(),
            });
        }
        Ok(pattern)
    }

    /// `None` if the event has no value for the placeholder.
    fn render(&self, value: Option<&str>) -> Option<String> {
        match &self.back {
            None => Some(self.front.clone()),
            Some(back) => value.map(|value| format!("{}{value}{back}", self.front)),
        }
    }
}

impl EventKind {
    /// The name in a configuration.
    const fn config_name(self) -> &'static str {
        match self {
            Self::Commerce => "commerce",
            other => other.base_name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(json: &str) -> Naming {
        Naming::new(&MappingConfig::from_json(json).unwrap()).unwrap()
    }

    #[test]
    fn defaults_are_mparticles_words() {
        let naming = naming("{}");

        assert_eq!(
            naming
                .event_name(EventKind::ScreenView, Some("Home"))
                .unwrap(),
            "screen_view"
        );
        assert_eq!(
            naming
                .event_name(EventKind::CustomEvent, Some("click"))
                .unwrap(),
            "click"
        );
        assert_eq!(
            naming
                .event_name(
                    EventKind::ApplicationStateTransition,
                    Some("application_exit")
                )
                .unwrap(),
            "application_exit"
        );
        assert_eq!(
            naming.event_name(EventKind::FirstRun, None).unwrap(),
            "first_run"
        );
    }

    #[test]
    fn sent_name_is_cut_and_has_no_control_characters() {
        let long = "ä".repeat(MAX_NAME_CHARS + 1);

        assert_eq!(sent_event_name("a b.c"), "a b.c");
        assert_eq!(sent_event_name("a\nb\u{0}"), "a_b_");
        assert_eq!(sent_event_name(&long), "ä".repeat(MAX_NAME_CHARS));
    }

    #[test]
    fn pattern_without_its_value_falls_back() {
        let naming = naming(r#"{"events":{"screen_view":{"name":"Viewed {screen_name} Screen"}}}"#);

        assert_eq!(
            naming
                .event_name(EventKind::ScreenView, Some("Home"))
                .unwrap(),
            "Viewed Home Screen"
        );
        assert_eq!(
            naming.event_name(EventKind::ScreenView, None).unwrap(),
            "screen_view"
        );
    }

    #[test]
    fn names_are_chosen_then_renamed_then_prefixed() {
        let naming = naming(
            r#"{"event_name_prefix":"app_","rename":{"a":"A"},"only_names":["a","b"],"except_names":["c"]}"#,
        );

        let custom = |name| naming.event_name(EventKind::CustomEvent, Some(name));
        assert_eq!(custom("a").unwrap(), "app_A");
        assert_eq!(custom("b").unwrap(), "app_b");
        assert_eq!(custom("c"), None);
        assert_eq!(custom("d"), None);
    }
}
