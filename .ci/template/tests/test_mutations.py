"""Faults that template.yaml once had, or could have, put back one by one: each must be found, by the rule that is for it."""

import copy
import unittest

from .. import faults, rules, subject
from ..resolution import Stack
from ..templates import Template


def properties(body, logical_id):
    return body["Resources"][logical_id]["Properties"]


def log_what_only_rest_apis_have(body):
    properties(body, "HttpApiStage")["AccessLogSettings"]["Format"] += ' "$context.requestLength"'


def log_two_lines(body):
    properties(body, "HttpApiStage")["AccessLogSettings"]["Format"] += '\n"$context.status"'


def let_a_log_group_come_late(body):
    properties(body, "SchemaBootstrapFunction").get("LoggingConfig", {}).pop("LogGroup", None)
    properties(body, "SchemaBootstrapLogGroup")["LogGroupName"] = {"Fn::Sub": "/aws/lambda/${SchemaBootstrapFunction}"}
    body["Resources"]["Migration"]["DependsOn"] = ["MigratorLogGroup"]


def let_another_function_call_early(body):
    """Nothing calls the migrator itself but the function that is told its name, and a schedule."""
    properties(body, "MigratorFunction").get("LoggingConfig", {}).pop("LogGroup", None)
    properties(body, "MigratorLogGroup")["LogGroupName"] = {"Fn::Sub": "/aws/lambda/${MigratorFunction}"}
    body["Resources"]["MigratorFunctionNightly"]["DependsOn"] = "MigratorLogGroup"
    body["Resources"]["Migration"].pop("DependsOn", None)


def name_a_schedule_by_its_logical_id(body):
    properties(body, "CompactorFunctionHourly")["Name"] = "CompactorFunctionHourly"


def name_the_lake_for_all_stacks(body):
    properties(body, "LakeDatabase")["DatabaseInput"]["Name"] = "cistern"


def name_a_group_within_a_vpc_of_ones_own(body):
    properties(body, "FunctionSecurityGroup")["GroupName"] = "cistern-functions"
    properties(body, "FunctionSecurityGroup")["VpcId"] = "vpc-0123456789abcdef0"


def name_a_function_and_its_queue(body):
    properties(body, "IngestFunction")["FunctionName"] = "ingest"
    properties(body, "LoadQueue")["QueueName"] = "load"


def let_a_role_call_by_a_pattern_of_names(body):
    function = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-MigratorFunction-*"
    for statement in properties(body, "SchemaBootstrapFunctionRole")["Policies"][0]["PolicyDocument"]["Statement"]:
        if statement.get("Sid") == "CallMigrator":
            statement["Resource"] = {"Fn::Sub": function}


def misname_a_path(body):
    properties(body, "EmailArchiveRule")["Targets"][0]["InputTransformer"]["InputPathsMap"].pop("key")


def let_nobody_call_a_url(body):
    del body["Resources"]["TrackUrlInvokePermission"]


def export_under_one_name(body):
    body["Outputs"]["EventsBucketName"]["Export"] = {"Name": "events-bucket"}


def set_what_the_account_shares(body):
    body["Resources"]["Account"] = {"Type": "AWS::ApiGateway::Account", "Properties": {}}


def name_a_rule_too_long(body):
    properties(body, "EmailArchiveRule")["Name"] = {"Fn::Sub": "${AWS::StackName}-email-archive"}


def let_a_rule_send_by_a_pattern_of_its_name(body):
    properties(body, "EmailArchiveRule").pop("Name", None)
    for statement in properties(body, "ArchiveQueuePolicy")["PolicyDocument"]["Statement"]:
        if "events.amazonaws.com" in str(statement["Principal"]):
            rule = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${AWS::StackName}-*"
            statement["Condition"] = {"ArnLike": {"aws:SourceArn": {"Fn::Sub": rule}}}


def let_no_rule_leave_dead_letters(body):
    properties(body, "EmailArchiveRule")["Targets"][0]["DeadLetterConfig"] = {
        "Arn": {"Fn::GetAtt": ["LoadDeadLetterQueue", "Arn"]}
    }


def begin_with_more_storage_than_it_may_grow_to(body):
    properties(body, "Database")["MaxAllocatedStorage"] = 500
    body["Parameters"]["DatabaseStorageGiB"]["MaxValue"] = 16384


def protect_a_new_database(body):
    properties(body, "Database")["DeletionProtection"] = True


def keep_the_bucket_of_a_deploy_that_failed(body):
    body["Resources"]["EventsBucket"]["DeletionPolicy"] = "Retain"


def reserve_what_a_new_account_has_not(body):
    properties(body, "ForwarderFunction")["ReservedConcurrentExecutions"] = 1


def count_for_all_stacks(body):
    properties(body, "LateEventsAlarm")["Namespace"] = "Cistern"


def watch_what_nobody_counts(body):
    properties(body, "LoadAgeAlarm")["MetricName"] = "ApproximateAgeOfOldestMessages"


def show_what_nobody_counts(body):
    text = properties(body, "Dashboard")["DashboardBody"]
    joined = text["Fn::Join"][1]
    widget = '{"type":"metric","properties":{"metrics":[["AWS/SQS","Nothing","QueueName","queue"]]}},'
    joined[0] += widget


def watch_another_queue(body):
    properties(body, "LoadAgeAlarm")["Dimensions"] = [{"Name": "QueueName", "Value": "LoadQueue"}]


def look_back_for_two_days(body):
    properties(body, "LoadAgeAlarm")["EvaluationPeriods"] = 576


def settle_a_route_before_it_is_made(body):
    body["Resources"]["HttpApiStage"]["DependsOn"] = []


def tell_of_overlapping_keys(body):
    for told in properties(body, "EventsBucket")["NotificationConfiguration"]["QueueConfigurations"]:
        if "analytics_raw/" in str(told):
            told["Fn::If"][1]["Filter"]["S3Key"]["Rules"][0]["Value"] = "raw/track/2026/"


def tell_before_the_policy_is_there(body):
    for told in properties(body, "EventsBucket")["NotificationConfiguration"]["QueueConfigurations"]:
        told["Fn::If"][1]["Queue"] = told["Fn::If"][1]["Queue"]["Fn::Select"][1][0]


def write_three_dots_as_one(body):
    properties(body, "KeysSecret")["Description"] = "Signing key\u2026"


def leave_out_the_version(body):
    properties(body, "IngestFunctionRole")["Policies"][0]["PolicyDocument"].pop("Version", None)


def give_a_name_for_an_arn(body):
    properties(body, "AuthorizerFunction")["Environment"]["Variables"]["KEYS_SECRET_ARN"] = "keys"


def refer_to_a_secret(body):
    properties(body, "TrackFunction")["Environment"]["Variables"]["KEYS_SECRET_ARN"] = {"Ref": "KeysSecret"}


def name_a_table_with_a_capital(body):
    properties(body, "ProductEventsFilesTable")["TableInput"]["Name"] = "Events"


def let_lambda_repeat_a_run(body):
    del body["Resources"]["ReconcilerFunctionEventInvokeConfig"]


def repeat_a_run_once(body):
    properties(body, "EraserFunctionEventInvokeConfig")["MaximumRetryAttempts"] = 1


def run_before_the_routes_are_there(body):
    del body["Resources"]["ReconcilerFunction"]["Metadata"]["MadeFirst"]


def run_before_the_gateway_may_call(body):
    body["Resources"]["CanaryFunction"]["Metadata"]["MadeFirst"].remove({"Ref": "IngestPermission"})


def let_a_parameter_choose_the_function_that_migrates(body):
    """The form until 2026-12: one resource for both kinds of database."""
    migration = body["Resources"]["Migration"]
    migration["Condition"] = "EmailEvents"
    migration["Properties"] = {
        "ServiceToken": {
            "Fn::If": [
                "MakeDatabase",
                {"Fn::GetAtt": ["SchemaBootstrapFunction", "Arn"]},
                {"Fn::GetAtt": ["MigratorFunction", "Arn"]},
            ]
        }
    }


def load_with_half_of_a_new_account(body):
    body["Parameters"]["LoaderConcurrency"]["Default"] = 4


def keep_old_versions(body):
    for resource in body["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Version":
            resource["DeletionPolicy"] = "Retain"


def name_a_host_of_one_partition(body):
    body["Outputs"]["DashboardUrl"]["Value"] = {"Fn::Sub": "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home"}


def name_an_arn_of_one_partition(body):
    properties(body, "AuthorizerFunction")["Environment"]["Variables"]["KEYS_SECRET_ARN"] = {
        "Fn::Sub": "arn:aws:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:keys"
    }


MUTATIONS = {
    log_what_only_rest_apis_have: "log_variables_exist",
    log_two_lines: "log_is_one_line",
    let_a_log_group_come_late: "nothing_calls_a_function_before_its_log_group",
    let_another_function_call_early: "nothing_calls_a_function_before_its_log_group",
    name_a_schedule_by_its_logical_id: "names_differ_between_stacks",
    name_the_lake_for_all_stacks: "names_differ_between_stacks",
    name_a_group_within_a_vpc_of_ones_own: "names_differ_between_stacks",
    name_a_function_and_its_queue: "names_differ_between_stacks",
    let_a_role_call_by_a_pattern_of_names: "patterns_fit_whatever_the_stack_is_called",
    misname_a_path: "input_templates_name_their_paths",
    let_nobody_call_a_url: "open_urls_may_be_called",
    export_under_one_name: "exports_differ_between_stacks",
    set_what_the_account_shares: "defaults_leave_the_account_alone",
    name_a_rule_too_long: "names_fit_whatever_the_stack_is_called",
    let_a_rule_send_by_a_pattern_of_its_name: "rules_may_send_to_their_queue",
    let_no_rule_leave_dead_letters: "rules_may_send_to_their_queue",
    begin_with_more_storage_than_it_may_grow_to: "storage_may_grow",
    protect_a_new_database: "first_deploy_can_be_rolled_back",
    keep_the_bucket_of_a_deploy_that_failed: "first_deploy_can_be_rolled_back",
    reserve_what_a_new_account_has_not: "defaults_fit_a_new_account",
    count_for_all_stacks: "metrics_are_of_one_stack",
    watch_what_nobody_counts: "watched_metrics_are_counted",
    show_what_nobody_counts: "watched_metrics_are_counted",
    watch_another_queue: "watched_resources_are_there",
    look_back_for_two_days: "alarms_look_back_a_bounded_time",
    settle_a_route_before_it_is_made: "route_settings_have_their_route",
    tell_of_overlapping_keys: "notifications_do_not_overlap",
    tell_before_the_policy_is_there: "notified_queue_lets_bucket_send",
    write_three_dots_as_one: "texts_are_ascii",
    leave_out_the_version: "policies_have_a_version",
    give_a_name_for_an_arn: "arns_are_arns",
    refer_to_a_secret: "secrets_are_named_by_their_attribute",
    name_a_table_with_a_capital: "lake_names_are_plain",
    let_lambda_repeat_a_run: "runs_that_are_not_repeated_are_not_repeated_by_lambda",
    repeat_a_run_once: "runs_that_are_not_repeated_are_not_repeated_by_lambda",
    run_before_the_routes_are_there: "first_runs_find_the_routes_that_they_ask",
    run_before_the_gateway_may_call: "first_runs_find_the_routes_that_they_ask",
    load_with_half_of_a_new_account: "defaults_leave_executions_to_senders",
    keep_old_versions: "replaced_versions_leave_the_network",
    name_a_host_of_one_partition: "nothing_names_one_partition",
    name_an_arn_of_one_partition: "nothing_names_one_partition",
    let_a_parameter_choose_the_function_that_migrates: "custom_resources_keep_their_function",
}


def found_in(template, rule):
    """What a rule finds under the sets that have every resource."""
    return {
        it.resource
        for stack in (subject.named()[name] for name in ("defaults", "everything"))
        for it in rules.check(Stack(template, stack.given), {rule})
    }


class Mutations(unittest.TestCase):
    def test_each_is_found_by_its_rule(self):
        for mutate, rule in MUTATIONS.items():
            with self.subTest(mutate.__name__):
                good = found_in(subject.template(), rule)
                body = copy.deepcopy(subject.template().body)
                mutate(body)
                self.assertGreater(found_in(Template(body), rule) - good, set(), f"{mutate.__name__}: {rule} finds nothing new")

    def test_every_rule_is_seen_to_find_something(self):
        seen = set(MUTATIONS.values())
        for body in faults.templates().values():
            seen |= {it.rule for it in rules.check(Stack(Template(body)))}
        self.assertEqual(set(rules.rules()) - seen, set(), "no mutation and no fault shows that these can fail")
