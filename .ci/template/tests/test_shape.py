"""What must hold of queues, roles and doors, whatever the parameters are."""

import unittest

from ..translation import MANAGED_POLICIES
from .reading import mentions, number, of_type, properties, statements, texts

# Routes that answer without a key: the health check, the description of the API, which is the same in every stack, and
# those whose functions check the caller themselves: the token endpoint, as client credentials stand in the body, where no
# authorizer can see them; SparkPost's webhook, as an authorizer's refusals are all 403; and product events, which take
# their key in either of two headers, in the path or in the body, and at a Function URL as well; and the console, whose function asks
# people for their key and checks their sessions. Beside each of them the same with
# slashes too many.
OPEN_ROUTES = {
    "GET /healthz",
    "GET /healthz/{proxy+}",
    "HEAD /healthz",
    "HEAD /healthz/{proxy+}",
    "GET /openapi.json",
    "GET /openapi.json/{proxy+}",
    "POST /console/rejected/repair",
    "POST /oauth/token",
    "POST /oauth/{proxy+}",
    "POST /webhooks/sparkpost",
    "POST /webhooks/{proxy+}",
    "POST /track",
    "POST /track/{proxy+}",
    "POST /v1/{proxy+}",
    "POST /batch",
    "POST /batch/{proxy+}",
    "POST /e",
    "POST /e/{proxy+}",
    "POST /capture",
    "POST /capture/{proxy+}",
    "POST /i/{proxy+}",
    "GET /",
    "GET /console",
    "POST /console/product-events",
    "GET /console/{proxy+}",
    "POST /console/sign-in",
    "POST /console/sign-out",
}


class Queues(unittest.TestCase):
    def dead_letter_queues(self):
        """Each queue with its dead-letter queue."""
        pairs = {}
        for name, queue in of_type("AWS::SQS::Queue").items():
            target = queue["Properties"].get("RedrivePolicy", {}).get("deadLetterTargetArn")
            if target is not None:
                pairs[name] = next(other for other in of_type("AWS::SQS::Queue") if mentions(target, other))
        return pairs

    def test_every_queue_has_a_dead_letter_queue_that_keeps_messages_longer(self):
        pairs = self.dead_letter_queues()
        self.assertEqual(set(pairs) | set(pairs.values()), set(of_type("AWS::SQS::Queue")))
        for queue, dead_letters in pairs.items():
            retention = lambda name: number(properties(name)["MessageRetentionPeriod"])
            self.assertGreater(retention(dead_letters), retention(queue), queue)

    def test_every_dead_letter_queue_has_an_alarm_on_its_first_message(self):
        for dead_letters in self.dead_letter_queues().values():
            alarms = [
                it["Properties"]
                for it in of_type("AWS::CloudWatch::Alarm").values()
                if mentions(it["Properties"].get("Dimensions"), dead_letters)
                and it["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
            ]
            self.assertTrue(alarms, dead_letters)
            for alarm in alarms:
                first = (0, "GreaterThanThreshold"), (1, "GreaterThanOrEqualToThreshold")
                self.assertIn((number(alarm["Threshold"]), alarm["ComparisonOperator"]), first, dead_letters)

    def test_visibility_is_six_times_the_timeout_of_who_reads(self):
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
            queue = next(n for n in of_type("AWS::SQS::Queue") if mentions(mapping["Properties"]["EventSourceArn"], n))
            function = next(n for n in of_type("AWS::Lambda::Function") if mentions(mapping["Properties"]["FunctionName"], n))
            timeout = number(properties(function)["Timeout"])
            self.assertGreaterEqual(number(properties(queue)["VisibilityTimeout"]), 6 * timeout, queue)

    def test_every_source_reports_failures_one_by_one_and_is_bounded(self):
        mappings = of_type("AWS::Lambda::EventSourceMapping")
        self.assertTrue(mappings)
        for name, mapping in mappings.items():
            it = mapping["Properties"]
            self.assertEqual(it.get("FunctionResponseTypes"), ["ReportBatchItemFailures"], name)
            self.assertGreaterEqual(number(it["ScalingConfig"]["MaximumConcurrency"]), 2, name)

    def test_queues_and_buckets_are_spoken_to_by_tls_only(self):
        policies = of_type("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy").values()
        for name, it in of_type("AWS::SQS::Queue", "AWS::S3::Bucket").items():
            theirs = [
                p["Properties"]
                for p in policies
                if mentions([p["Properties"].get("Queues"), p["Properties"].get("Bucket")], name)
            ]
            denials = [
                s
                for p in theirs
                for s in p["PolicyDocument"]["Statement"]
                if s["Effect"] == "Deny" and s.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
            ]
            self.assertTrue(denials, name)


class Rights(unittest.TestCase):
    def test_no_role_is_allowed_everything_of_anything(self):
        roles = of_type("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for name, role in roles.items():
            it = role["Properties"]
            for statement in statements([it.get("Policies"), it.get("PolicyDocument")]):
                for action in texts(statement["Action"]):
                    self.assertNotIn("*", action, name)
                for resource in texts(statement["Resource"]):
                    # A path below something named is no wildcard.
                    self.assertNotRegex(resource, r"^\*$|^arn:[^/]*\*", f"{name}: {statement}")

    def test_managed_policies_are_those_that_are_known(self):
        for name, role in of_type("AWS::IAM::Role").items():
            for arn in texts(role["Properties"].get("ManagedPolicyArns", [])):
                self.assertIn(arn.rsplit("/", 1)[-1], MANAGED_POLICIES, name)

    def test_every_function_has_a_role_of_its_own(self):
        roles = [str(it["Properties"]["Role"]) for it in of_type("AWS::Lambda::Function").values()]
        self.assertEqual(len(roles), len(set(roles)))

    def test_every_role_takes_the_permissions_boundary(self):
        for name, role in of_type("AWS::IAM::Role").items():
            self.assertTrue(mentions(role["Properties"].get("PermissionsBoundary"), "PermissionsBoundaryArn"), name)

    def test_every_log_group_is_kept_for_a_time_and_takes_the_key(self):
        for name, group in of_type("AWS::Logs::LogGroup").items():
            self.assertIn("RetentionInDays", group["Properties"], name)
            self.assertTrue(mentions(group["Properties"].get("KmsKeyId"), "KmsKeyArn"), name)

    def test_every_function_has_a_log_group_of_the_stack(self):
        groups = of_type("AWS::Logs::LogGroup")
        for name, function in of_type("AWS::Lambda::Function").items():
            group = function["Properties"]["LoggingConfig"]["LogGroup"]
            self.assertTrue(any(mentions(group, it) for it in groups), name)
        for name, group in groups.items():
            self.assertNotIn("LogGroupName", group["Properties"], name)


class Doors(unittest.TestCase):
    def test_every_route_has_an_authorizer_but_the_open_ones(self):
        for name, route in of_type("AWS::ApiGatewayV2::Route").items():
            it = route["Properties"]
            is_open = it.get("AuthorizationType", "NONE") == "NONE"
            self.assertEqual(is_open, it["RouteKey"] in OPEN_ROUTES, name)
            self.assertEqual("AuthorizerId" in it, not is_open, name)
        for name, method in of_type("AWS::ApiGateway::Method").items():
            self.assertEqual(method["Properties"]["AuthorizationType"], "CUSTOM", name)
            self.assertIn("AuthorizerId", method["Properties"], name)

    def test_answers_of_the_authorizer_are_kept_by_route_and_address(self):
        for name, authorizer in of_type("AWS::ApiGatewayV2::Authorizer").items():
            sources = authorizer["Properties"]["IdentitySource"]
            self.assertIn("$context.routeKey", sources, name)
            self.assertIn("$context.identity.sourceIp", sources, name)

    def test_every_stage_is_throttled_and_logs_who_asked_for_what(self):
        for name, stage in of_type("AWS::ApiGatewayV2::Stage").items():
            self.assertIn("ThrottlingRateLimit", stage["Properties"]["DefaultRouteSettings"], name)
            self.assertIn("Format", stage["Properties"]["AccessLogSettings"], name)
        for name, stage in of_type("AWS::ApiGateway::Stage").items():
            self.assertIn("ThrottlingRateLimit", stage["Properties"]["MethodSettings"][0], name)
            self.assertIn("LogMParticle", stage["Properties"]["AccessLogSetting"]["Fn::If"], name)

    def test_data_outlives_the_stack(self):
        for name, it in of_type("AWS::S3::Bucket").items():
            self.assertEqual(it.get("DeletionPolicy"), "RetainExceptOnCreate", name)
        for name, it in of_type("AWS::RDS::DBInstance").items():
            self.assertEqual(it.get("DeletionPolicy"), "Snapshot", name)
