#![doc = include_str!("../README.md")]

mod attribute_value;
mod batch_context;
mod call;
mod coercion;
mod commerce;
mod commerce_fields;
mod compiled_config;
mod config;
mod consent;
mod data_fields;
mod draft;
mod dry_run;
mod event_time;
mod events;
mod field_name;
mod identity;
mod item_list;
pub mod iterable;
mod mapped;
mod mapper;
mod name;
mod outcome;
mod profile;
mod purchase;

pub use self::call::{Call, Note, Operation};
pub use self::coercion::{Coercion, FieldType};
pub use self::config::{
    AttributeConfig, ConfigError, ConsentConfig, ContextPrefix, EnvironmentName, Environments,
    EventKind, EventRule, EventRules, IdentityConfig, MappingConfig, PurchaseMode, Regulation,
    Scope, WhenUnknown, WithoutIdentity,
};
pub use self::dry_run::{DryRun, DryRunEvent, dry_run};
pub use self::event_time::Arrival;
pub use self::identity::ProjectType;
pub use self::mapped::{MAX_CALL_BYTES, MAX_SINGLE_REJECTIONS, Mapped, MappedEvent, More};
pub use self::mapper::Mapper;
pub use self::outcome::{FailureCause, NotSent, Outcome, RejectReason, Rejection, SkipReason};
