//! What the function is told, and what it works with.

use std::{str::FromStr, sync::Arc, time::Duration};

use aws_io::Aws;
use function_kit::{BoxError, Env, EnvError};
use jiff::Timestamp;
use url::{Host, Url};

use crate::{
    api::Api,
    assets::Assets,
    cookie::CookieNames,
    forwarding::ForwarderLog,
    keys::{KeyRing, KeySource},
    lake::{Lake, LakeSettings},
    queues::{QueueName, QueueUrls, Queues},
    reconciliation::Reconciliation,
    session::Nonce,
    stack_keys::StackKeys,
    throttle::Throttle,
};

/// The settings in the README's table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name or ARN of the secret that holds the keys.
    pub secret_id: String,
    /// How long keys are used before they are read again.
    pub max_key_age: Duration,
    /// The stack's own API.
    pub api: Origin,
    /// Where browsers reach the console, when it is not where the gateway says.
    pub public: Option<Origin>,
    /// What tells this stack from others.
    pub stack_id: String,
    /// Where the lake is queried; none in a stack without product events.
    pub lake: Option<LakeSettings>,
    /// The log group of the forwarder; none in a stack without app events.
    pub forwarder_log_group: Option<String>,
    /// The queues to be counted.
    pub queues: QueueUrls,
    /// The bucket with the reconciler's records.
    pub bucket: Option<String>,
}

/// The scheme, host and port of a URL, without a slash at the end: `https://example.com`. Plain http is for this machine alone,
/// as keys and sessions travel there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    const FORM: &str =
        "an origin such as https://example.com, or http://127.0.0.1:8080 on this machine";

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether cookies may be called secure there.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl FromStr for Origin {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, BoxError> {
        let url = Url::parse(text)?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if is_safe && is_bare && url.password().is_none() {
            Ok(Self(url.origin().ascii_serialization()))
        } else {
            Err("another scheme, or more than an origin".into())
        }
    }
}

impl Config {
    /// Reads the settings.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let max_key_age_seconds = env.parsed("KEYS_CACHE_SECONDS", "a number of seconds", 300)?;
        let api: Option<Origin> = env.parsed_if_set("API_ORIGIN", Origin::FORM)?;
        let api = api.ok_or(EnvError::Missing {
            name: "API_ORIGIN",
            expected: Origin::FORM,
        })?;
        // On this machine a reverse proxy serves all routes, and the gateway does not know its name.
        let on_this_machine = (!api.is_https()).then(|| api.clone());
        Ok(Self {
            secret_id: env.required("KEYS_SECRET_ARN", "the ARN of the secret with the keys")?,
            max_key_age: Duration::from_secs(max_key_age_seconds),
            public: env
                .parsed_if_set("PUBLIC_ORIGIN", Origin::FORM)?
                .or(on_this_machine),
            stack_id: env.required("STACK_ID", "the id of the stack")?,
            lake: lake(env)?,
            forwarder_log_group: env.optional("FORWARDER_LOG_GROUP")?,
            queues: QueueUrls::new([
                (QueueName::Load, env.optional("LOAD_QUEUE_URL")?),
                (QueueName::Forward, env.optional("FORWARD_QUEUE_URL")?),
                (QueueName::Archive, env.optional("ARCHIVE_QUEUE_URL")?),
            ]),
            bucket: env.optional("EVENTS_BUCKET")?,
            api,
        })
    }

    /// What the stack is called: of an ARN such as `arn:aws:cloudformation:…:stack/name/uuid` the name.
    pub fn stack_name(&self) -> &str {
        let name = self.stack_id.split_once(":stack/").map(|(_, rest)| rest);
        name.and_then(|rest| rest.split('/').next())
            .unwrap_or(&self.stack_id)
    }
}

fn lake(env: &Env) -> Result<Option<LakeSettings>, EnvError> {
    let Some(workgroup) = env.optional("ATHENA_WORKGROUP")? else {
        return Ok(None);
    };
    let (name, expected) = ("SCAN_LIMIT_BYTES", "the workgroup's limit, in bytes");
    let limit = env.parsed_if_set(name, expected)?;
    Ok(Some(LakeSettings {
        workgroup,
        database: env.required("LAKE_DATABASE", "the Glue database of the lake")?,
        scan_limit_bytes: limit.ok_or(EnvError::Missing { name, expected })?,
    }))
}

/// What every request needs.
#[derive(Debug)]
pub struct Deps {
    pub(crate) config: Config,
    pub(crate) api: Api,
    pub(crate) keys: KeyRing,
    pub(crate) lake: Option<Lake>,
    pub(crate) forwarder_log: Option<ForwarderLog>,
    pub(crate) queues: Queues,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) throttle: Throttle,
    pub(crate) assets: Assets,
    pub(crate) cookies: CookieNames,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) random: fn() -> Result<Nonce, BoxError>,
}

impl Deps {
    /// Makes the clients of a deployed stack. Reaches nothing yet.
    ///
    /// # Errors
    /// Only if there can be no HTTP client.
    pub async fn connect(config: Config, clock: fn() -> Timestamp) -> Result<Self, BoxError> {
        let aws = Aws::from_env().await;
        let keys = StackKeys::new(aws.secrets(), config.secret_id.clone());
        Self::with(config, Arc::new(keys), &aws, clock)
    }

    /// The same with keys and an AWS from elsewhere.
    ///
    /// # Errors
    /// Only if there can be no HTTP client.
    pub fn with(
        config: Config,
        keys: Arc<dyn KeySource>,
        aws: &Aws,
        clock: fn() -> Timestamp,
    ) -> Result<Self, BoxError> {
        // Without an origin of its own it is reached through the gateway, which speaks https only.
        let is_secure = config.public.as_ref().is_none_or(Origin::is_https);
        Ok(Self {
            api: Api::new(config.api.clone())?,
            keys: KeyRing::new(keys, config.max_key_age),
            lake: config
                .lake
                .clone()
                .map(|settings| Lake::new(aws.clone(), settings)),
            forwarder_log: config
                .forwarder_log_group
                .clone()
                .map(|group| ForwarderLog::new(aws.clone(), group)),
            queues: Queues::new(aws.clone(), config.queues.clone()),
            reconciliation: Reconciliation::new(aws.clone(), config.bucket.clone()),
            throttle: Throttle::default(),
            assets: Assets::new(),
            cookies: CookieNames::new(&config.stack_id, is_secure),
            clock,
            random: operating_systems,
            config,
        })
    }
}

fn operating_systems() -> Result<Nonce, BoxError> {
    let mut nonce = Nonce::default();
    getrandom::fill(&mut nonce)?;
    Ok(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 3] = [
        ("KEYS_SECRET_ARN", "arn"),
        ("API_ORIGIN", "https://api.example"),
        (
            "STACK_ID",
            "arn:aws:cloudformation:eu-west-1:1:stack/mail/uuid",
        ),
    ];

    #[test]
    fn settings_are_those_of_the_readme() {
        let readme = include_str!("../README.md");
        for (missing, _) in REQUIRED {
            let others = REQUIRED.into_iter().filter(|(name, _)| *name != missing);
            let error = Config::from_env(&Env::from_pairs(others))
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with(&format!("{missing} is not set")),
                "{error}"
            );
            assert!(readme.contains(&format!("| `{missing}` | required |")));
        }

        let config = Config::from_env(&Env::from_pairs(REQUIRED)).unwrap();
        assert_eq!(
            (config.stack_name(), config.public.as_ref()),
            ("mail", None)
        );
        assert!(readme.contains(&format!(
            "| `KEYS_CACHE_SECONDS` | `{}` |",
            config.max_key_age.as_secs()
        )));
        for optional in [
            "PUBLIC_ORIGIN",
            "ATHENA_WORKGROUP",
            "FORWARDER_LOG_GROUP",
            "LOAD_QUEUE_URL",
            "FORWARD_QUEUE_URL",
            "ARCHIVE_QUEUE_URL",
            "EVENTS_BUCKET",
        ] {
            assert!(readme.contains(&format!("| `{optional}` | none |")));
        }
        for with_it in ["LAKE_DATABASE", "SCAN_LIMIT_BYTES"] {
            assert!(readme.contains(&format!("| `{with_it}` | required with")));
        }
    }

    #[test]
    fn lake_is_known_whole_or_not_at_all() {
        let lake = [
            ("ATHENA_WORKGROUP", "mail"),
            ("LAKE_DATABASE", "mail"),
            ("SCAN_LIMIT_BYTES", "21474836480"),
        ];
        let read = |settings: &[(&str, &str)]| {
            let all: Vec<_> = REQUIRED.iter().chain(settings).copied().collect();
            Config::from_env(&Env::from_pairs(all)).map(|config| config.lake)
        };

        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(
            read(&lake).unwrap().unwrap().scan_limit_bytes,
            21_474_836_480
        );
        for missing in 1..3 {
            let others: Vec<_> = lake
                .iter()
                .filter(|(name, _)| *name != lake[missing].0)
                .copied()
                .collect();
            let error = read(&others).unwrap_err().to_string();
            assert!(error.contains(lake[missing].0), "{error}");
        }
    }

    #[test]
    fn on_this_machine_browsers_come_to_the_api_and_elsewhere_to_the_gateway() {
        let public = |api, public| {
            let settings = [
                REQUIRED[0],
                ("API_ORIGIN", api),
                REQUIRED[2],
                ("PUBLIC_ORIGIN", public),
            ];
            let config = Config::from_env(&Env::from_pairs(settings)).unwrap();
            config.public.map(|origin| origin.as_str().to_owned())
        };
        let local = "http://127.0.0.1:8080";

        assert_eq!(public(local, "").as_deref(), Some(local));
        assert_eq!(public("https://api.example", ""), None);
        assert_eq!(
            public(local, "https://x.example").as_deref(),
            Some("https://x.example")
        );
    }

    #[test]
    fn origins_are_bare_and_of_https_or_this_machine() {
        for (text, origin) in [
            ("https://Example.com/", Some("https://example.com")),
            ("https://example.com:8443", Some("https://example.com:8443")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://localhost:1", Some("http://localhost:1")),
            ("http://[::1]:1", Some("http://[::1]:1")),
            ("http://example.com", None),
            ("http://127.0.0.1.example.com", None),
            ("https://example.com/path", None),
            ("https://user:password@example.com", None),
            ("https://example.com/?q", None),
            ("ftp://127.0.0.1", None),
            ("example.com", None),
        ] {
            let parsed = text.parse::<Origin>().ok();
            assert_eq!(parsed.as_ref().map(Origin::as_str), origin, "{text}");
        }
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(operating_systems().unwrap(), operating_systems().unwrap());
    }
}
