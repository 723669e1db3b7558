//! A configuration in the form in which it is applied.

use super::{ConfigError, EventKind, MappingConfig, PurchaseMode, Scope, name::Naming};

/// A checked configuration, with the values derived from it.
#[derive(Clone, Debug)]
pub(super) struct CompiledConfig {
    pub(super) config: MappingConfig,
    pub(super) naming: Naming,
    pub(super) context: ContextNames,
}

/// The names of the fields about the origin of an event.
#[derive(Clone, Debug)]
pub(super) struct ContextNames {
    pub(super) session_uuid: String,
    pub(super) platform: String,
    pub(super) application_version: String,
    pub(super) environment: String,
    pub(super) mpid: String,
}

impl CompiledConfig {
    /// # Errors
    /// When a configured name is not a pattern for its type.
    pub(super) fn new(config: MappingConfig) -> Result<Self, ConfigError> {
        let prefix = &config.context_prefix.0;
        let context = ContextNames {
            session_uuid: format!("{prefix}session_uuid"),
            platform: format!("{prefix}platform"),
            application_version: format!("{prefix}application_version"),
            environment: format!("{prefix}environment"),
            mpid: format!("{prefix}mpid"),
        };
        Ok(Self {
            naming: Naming::new(&config)?,
            context,
            config,
        })
    }

    /// Whether events of this type are sent.
    pub(super) fn sends(&self, kind: EventKind) -> bool {
        let by_default = match kind {
            EventKind::Profile => false,
            EventKind::CustomEvent => self.config.scope == Scope::Everything,
            EventKind::ScreenView
            | EventKind::SessionStart
            | EventKind::SessionEnd
            | EventKind::ApplicationStateTransition
            | EventKind::FirstRun
            | EventKind::Uninstall
            | EventKind::OptOut
            | EventKind::Commerce => true,
        };
        self.config.events.rule(kind).send.unwrap_or(by_default)
    }

    /// How purchases are sent.
    pub(super) fn purchase_mode(&self) -> PurchaseMode {
        self.config.purchases.unwrap_or(match self.config.scope {
            Scope::Gap => PurchaseMode::Off,
            Scope::Everything => PurchaseMode::Purchase,
        })
    }
}
