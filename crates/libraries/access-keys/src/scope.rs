//! What a key opens.

use event_model::Pipeline;

/// A set of routes with a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// SparkPost's webhook.
    Sparkpost,
    /// mParticle's webhook.
    Mparticle,
    /// Reading events.
    Query,
    /// Product events.
    Track,
    /// Product events from pages, whose visitors can read their key: it opens nothing but writing.
    Page,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [
        Self::Sparkpost,
        Self::Mparticle,
        Self::Query,
        Self::Track,
        Self::Page,
    ];

    /// The name: what is signed to make its key, and the member of the secret that replaces the made key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sparkpost => Pipeline::EmailEvents.key_scope(),
            Self::Mparticle => Pipeline::AppEvents.key_scope(),
            Self::Query => "query",
            Self::Track => Pipeline::ProductEvents.key_scope(),
            Self::Page => "page",
        }
    }

    /// The scope of a gateway's route, such as `POST /webhooks/sparkpost`; none for a route that no key opens.
    pub fn of_route(route_key: &str) -> Option<Self> {
        match route_key.split_once(' ')? {
            ("POST", "/webhooks/sparkpost") => Some(Self::Sparkpost),
            ("POST", "/webhooks/mparticle") => Some(Self::Mparticle),
            ("POST", "/track") => Some(Self::Track),
            // All methods, so that the function behind can say which ones there are.
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
        assert_eq!(names, ["sparkpost", "mparticle", "query", "track", "page"]);
    }

    #[test]
    fn routes_have_their_scope_and_others_have_none() {
        let table = [
            ("POST /webhooks/sparkpost", Some(Scope::Sparkpost)),
            ("POST /webhooks/mparticle", Some(Scope::Mparticle)),
            ("POST /track", Some(Scope::Track)),
            ("ANY /api/v1/events/message", Some(Scope::Query)),
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
