"""The command `template`."""

from pathlib import Path

import click

from lambda_deploy.aws import caller_arn
from lambda_deploy.console import Tools, print_json, target_options
from lambda_deploy.template.deployer import deployer_statements
from lambda_deploy.template.policy import policy_document
from lambda_deploy.template.render import template
from lambda_deploy.template.resolve import pseudo_parameters, put_in


@click.command("template")
@target_options
@click.option("--deployer-policy", is_flag=True, help="Print the policy with the deployer's permissions instead.")
@click.pass_obj
def template_command(tools: Tools, bundle: Path | None, target: str | None, deployer_policy: bool) -> None:
    """Print the CloudFormation template, for review or to deploy it with other tools.

    Values found at deploy time are parameters: the stream's ARN, the code's key, the job's number, KMS keys. The
    deployer's policy is for the account whose credentials are used.

    Example: stream-lambda template --target prod
    """
    config = tools.config(bundle, target)
    if not deployer_policy:
        print_json(template(config))
        return
    here = pseudo_parameters(caller_arn(tools.connect(config.region)), config.region)
    print_json(put_in(policy_document(deployer_statements(config)), here))
