//! Which requests a gateway's route covers.

/// The key of the catch-all route, which is the only one of a Function URL.
const DEFAULT: &str = "$default";

/// Whether a route, such as `POST /webhooks/sparkpost` or `ANY /api/{proxy+}`, covers a request for `path`, which is
/// normalized by [`super::normal_path`].
///
/// The gateway has already chosen the route; this checks that the function interprets the request in the same way
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>).
pub fn covers(route_key: &str, method: &str, path: &str) -> bool {
    if route_key == DEFAULT {
        return true;
    }
    let Some((route_method, route_path)) = route_key.split_once(' ') else {
        return false;
    };
    (route_method == "ANY" || route_method == method) && covers_path(route_path, path)
}

fn covers_path(route_path: &str, path: &str) -> bool {
    let Some((parent, _)) = route_path.split_once("/{") else {
        return route_path == path;
    };
    // A slash at the end is not a child; normalization has removed it.
    path.strip_prefix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_cover_their_method_and_path() {
        let table = [
            ("GET /healthz", "GET", "/healthz", true),
            ("GET /healthz", "HEAD", "/healthz", false),
            ("GET /healthz", "GET", "/healthz/x", false),
            ("GET /healthz/{proxy+}", "GET", "/healthz", true),
            ("GET /healthz/{proxy+}", "GET", "/healthz/x", true),
            ("GET /healthz/{proxy+}", "GET", "/healthzz", false),
            ("ANY /api/{proxy+}", "PATCH", "/api/v1/events", true),
            ("ANY /api/{proxy+}", "GET", "/apis", false),
            ("ANY /api/{proxy+}", "GET", "/healthz", false),
            ("ANY /{proxy+}", "GET", "/healthz", true),
            ("$default", "GET", "/anything", true),
            ("healthz", "GET", "/healthz", false),
            ("", "GET", "/", false),
        ];

        for (route_key, method, path, is_covered) in table {
            assert_eq!(
                covers(route_key, method, path),
                is_covered,
                "{route_key}: {method} {path}"
            );
        }
    }
}
