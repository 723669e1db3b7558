//! The scopes of keys.

use event_model::Pipeline;

/// A set of routes that one key grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// SparkPost's webhook.
    Sparkpost,
    /// mParticle's webhook.
    Mparticle,
    /// Searches.
    Query,
    /// Statements on the database of email events.
    Sql,
    /// Retrying and settling rejected items.
    Repair,
    /// Product events.
    Track,
    /// Product events from pages. Visitors can read this key, so it grants nothing but writing.
    Page,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 7] = [
        Self::Sparkpost,
        Self::Mparticle,
        Self::Query,
        Self::Sql,
        Self::Repair,
        Self::Track,
        Self::Page,
    ];

    /// The name: the text that is signed to derive the key, and the member of the secret that replaces the derived key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sparkpost => Pipeline::EmailEvents.key_scope(),
            Self::Mparticle => Pipeline::AppEvents.key_scope(),
            Self::Query => "query",
            Self::Sql => "sql",
            Self::Repair => "repair",
            Self::Track => Pipeline::ProductEvents.key_scope(),
            Self::Page => "page",
        }
    }

    /// The scope of a gateway's route, such as `POST /webhooks/sparkpost`; `None` for a route that no key grants.
    pub fn of_route(route_key: &str) -> Option<Self> {
        match route_key.split_once(' ')? {
            ("POST", "/webhooks/sparkpost") => Some(Self::Sparkpost),
            ("POST", "/webhooks/mparticle") => Some(Self::Mparticle),
            ("POST", "/track") => Some(Self::Track),
            // This very path: every other spelling of it belongs to the route below, and is for nobody.
            ("POST", "/api/v1/sql") => Some(Self::Sql),
            ("POST", "/api/v1/rejected/{proxy+}") => Some(Self::Repair),
            // All methods, so that the function can answer which ones exist.
            ("ANY", path) if path.starts_with("/api/") => Some(Self::Query),
            _ => None,
        }
    }
}

impl From<Pipeline> for Scope {
    /// The scope of the key that the pipeline's sender presents.
    fn from(pipeline: Pipeline) -> Self {
        match pipeline {
            Pipeline::EmailEvents => Self::Sparkpost,
            Pipeline::AppEvents => Self::Mparticle,
            Pipeline::ProductEvents => Self::Track,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipelines_scope_has_the_name_that_the_pipeline_gives_it() {
        for pipeline in Pipeline::ALL {
            assert_eq!(Scope::from(pipeline).as_str(), pipeline.key_scope());
        }
        let names = Scope::ALL.map(Scope::as_str);
        assert_eq!(
            names,
            [
                "sparkpost",
                "mparticle",
                "query",
                "sql",
                "repair",
                "track",
                "page"
            ]
        );
    }

    #[test]
    fn routes_have_their_scope_and_others_have_none() {
        let table = [
            ("POST /webhooks/sparkpost", Some(Scope::Sparkpost)),
            ("POST /webhooks/mparticle", Some(Scope::Mparticle)),
            ("POST /track", Some(Scope::Track)),
            ("ANY /api/v1/events/message", Some(Scope::Query)),
            ("POST /api/v1/sql", Some(Scope::Sql)),
            ("ANY /api/v1/sql", Some(Scope::Query)),
            ("POST /api/v1/rejected/{proxy+}", Some(Scope::Repair)),
            ("ANY /api/v1/rejected/{proxy+}", Some(Scope::Query)),
            ("POST /api/v1/rejected", None),
            ("POST /api/v1/sql/", None),
            ("ANY /api/{proxy+}", Some(Scope::Query)),
            ("ANY /api/v1/{proxy+}", Some(Scope::Query)),
            ("GET /webhooks/sparkpost", None),
            ("ANY /webhooks/mparticle", None),
            ("POST /webhooks/sparkpost/more", None),
            ("POST /api/v1/events/message", None),
            ("GET /api/v1/events/message", None),
            ("ANY /api", None),
            ("ANY /{proxy+}", None),
            ("GET /healthz", None),
            ("$default", None),
            ("", None),
        ];

        for (route_key, scope) in table {
            assert_eq!(Scope::of_route(route_key), scope, "{route_key:?}");
        }
    }
}
