//! Reads a configuration, and checks what its types do not enforce.

use std::collections::BTreeSet;

use super::{ConfigError, ConsentConfig, MappingConfig, Regulation};
use crate::name::{MAX_NAME_CHARS, Naming};

impl MappingConfig {
    /// Reads a mapping from JSON; an empty text is the default.
    ///
    /// # Errors
    /// When the configuration is invalid. The error names the field.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        if json.trim().is_empty() {
            return Ok(Self::default());
        }
        // Derived code would read an array too, as the fields in their order.
        if !json.trim_start().starts_with('{') {
            return Err(value(".", "must be a JSON object"));
        }
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let config: Self = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| syntax(error.path().to_string(), error.into_inner()))?;
        deserializer
            .end()
            .map_err(|source| syntax(".".to_owned(), source))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        Naming::new(self)?;
        name_part("event_name_prefix", &self.event_name_prefix)?;
        for (from, to) in &self.rename {
            not_empty(&format!("rename.{from}"), to)?;
            name_part(&format!("rename.{from}"), to)?;
        }
        not_empty("identity.user_id_from", &self.identity.user_id_from)?;
        if self.environments.0.is_empty() {
            return Err(value(
                "environments",
                "names no environment, so nothing would be sent",
            ));
        }
        context_prefix(&self.context_prefix.0)?;
        disjoint("names", &self.only_names, &self.except_names)?;
        disjoint("attributes", &self.attributes.only, &self.attributes.except)?;
        self.consent.as_ref().map_or(Ok(()), consent)
    }
}

fn consent(config: &ConsentConfig) -> Result<(), ConfigError> {
    match (config.regulation, config.purpose.as_deref().map(str::trim)) {
        (Regulation::Gdpr, None | Some("")) => Err(value(
            "consent.purpose",
            "is needed: under the GDPR consent is given for a purpose",
        )),
        (Regulation::Ccpa, Some(_)) => Err(value(
            "consent.purpose",
            "has no meaning under the CCPA, which knows the sale of data only",
        )),
        _ => Ok(()),
    }
}

/// Without a prefix, context fields could take the place of the app's own attributes.
fn context_prefix(prefix: &str) -> Result<(), ConfigError> {
    let plain = prefix
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && (1..=20).contains(&prefix.len()) {
        return Ok(());
    }
    Err(value(
        "context_prefix",
        "must be 1 to 20 letters, digits or underscores",
    ))
}

fn disjoint(
    what: &str,
    only: &BTreeSet<String>,
    except: &BTreeSet<String>,
) -> Result<(), ConfigError> {
    match only.intersection(except).next() {
        Some(both) => Err(value(
            what,
            &format!("{both:?} is in both \"only\" and \"except\""),
        )),
        None => Ok(()),
    }
}

fn not_empty(path: &str, text: &str) -> Result<(), ConfigError> {
    if text.trim().is_empty() {
        Err(value(path, "must not be empty"))
    } else {
        Ok(())
    }
}

fn name_part(path: &str, text: &str) -> Result<(), ConfigError> {
    if text.chars().any(char::is_control) {
        return Err(value(path, "holds a control character"));
    }
    if text.chars().count() > MAX_NAME_CHARS {
        return Err(value(
            path,
            &format!("is longer than {MAX_NAME_CHARS} characters"),
        ));
    }
    Ok(())
}

fn syntax(path: String, source: serde_json::Error) -> ConfigError {
    ConfigError::Syntax { path, source }
}

fn value(path: &str, problem: &str) -> ConfigError {
    ConfigError::Value {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;
    use crate::{EnvironmentName, PurchaseMode, Scope};

    fn problem(json: &str) -> String {
        let error = MappingConfig::from_json(json).unwrap_err();
        match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(
            MappingConfig::from_json(" ").unwrap(),
            MappingConfig::default()
        );
        assert_eq!(
            MappingConfig::from_json("{}").unwrap(),
            MappingConfig::default()
        );
    }

    #[test]
    fn every_field_is_read() {
        let config = MappingConfig::from_json(
            r#"{"scope":"everything","purchases":"event","profiles":true,"event_name_prefix":"app: ",
                "events":{"screen_view":{"name":"Viewed {screen_name} Screen"},"session_start":{"send":false}},
                "rename":{"add_to_cart":"Added to cart"},"only_names":["a"],"except_names":["b"],
                "identity":{"project":"email","user_id_from":"mpid","without":"placeholder"},
                "environments":["production","development","unknown"],
                "consent":{"regulation":"gdpr","purpose":"marketing","when_unknown":"send"},
                "attributes":{"coerce":"as_sent","types":{"price":"number"},"only":[],"except":["secret"]},
                "context_prefix":"app_"}"#,
        )
        .unwrap();

        assert_eq!(config.scope, Scope::Everything);
        assert_eq!(config.purchases, Some(PurchaseMode::Event));
        assert_eq!(config.events.session_start.send, Some(false));
        assert!(config.environments.0.contains(&EnvironmentName::Unknown));
    }

    #[test]
    fn errors_name_the_field() {
        for (json, expected) in [
            (
                r#"{"scop":"gap"}"#,
                "mapping: scop: unknown field `scop`, expected one of `scope`, ",
            ),
            (
                r#"{"scope":"all"}"#,
                "mapping: scope: unknown variant `all`, expected `gap` or `everything`",
            ),
            (
                r#"{"events":{"push_message":{}}}"#,
                "mapping: events.push_message: unknown field",
            ),
            (
                r#"{"events":{"screen_view":{"send":"yes"}}}"#,
                "mapping: events.screen_view.send: invalid type: string \"yes\", expected a boolean",
            ),
            (
                r#"{"events":{"screen_view":{"name":"Viewed {screen} Screen"}}}"#,
                "mapping: events.screen_view.name: may hold {screen_name} once and no other braces",
            ),
            (
                r#"{"events":{"session_start":{"name":"{event_name}"}}}"#,
                "mapping: events.session_start.name: may hold no braces: there is nothing to put in",
            ),
            (
                r#"{"events":{"commerce":{"name":" "}}}"#,
                "mapping: events.commerce.name: must be a name, without control characters",
            ),
            (
                r#"{"rename":{"a":""}}"#,
                "mapping: rename.a: must not be empty",
            ),
            (
                r#"{"identity":{"project":"both"}}"#,
                "mapping: identity.project: unknown variant `both`",
            ),
            (
                r#"{"identity":{"user_id_from":""}}"#,
                "mapping: identity.user_id_from: must not be empty",
            ),
            (
                r#"{"environments":[]}"#,
                "mapping: environments: names no environment, so nothing would be sent",
            ),
            (
                r#"{"environments":["prod"]}"#,
                "mapping: environments[0]: unknown variant `prod`",
            ),
            (
                r#"{"consent":{"regulation":"gdpr"}}"#,
                "mapping: consent.purpose: is needed",
            ),
            (
                r#"{"consent":{"regulation":"ccpa","purpose":"x"}}"#,
                "mapping: consent.purpose: has no meaning",
            ),
            (
                r#"{"attributes":{"types":{"price":"money"}}}"#,
                "mapping: attributes.types.price: unknown variant",
            ),
            (
                r#"{"attributes":{"only":["a"],"except":["a"]}}"#,
                "mapping: attributes: \"a\" is in both",
            ),
            (
                r#"{"context_prefix":""}"#,
                "mapping: context_prefix: must be 1 to 20 letters, digits or",
            ),
            (
                r#"{"event_name_prefix":"\n"}"#,
                "mapping: event_name_prefix: holds a control character",
            ),
            ("{} {}", "mapping: .: trailing characters"),
            ("[]", "mapping: .: must be a JSON object"),
        ] {
            let problem = problem(json);

            assert!(problem.starts_with(expected), "{json}: {problem}");
        }
    }
}
