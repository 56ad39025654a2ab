"""These are the rules by which sensitive things are known: by their form, or by their form and the name of their field.

They refuse to see more than one text; what all texts of a field say together is seen where findings are counted.
"""

import re

from telemock.analysis import plausible
from telemock.analysis.rule import Rule, form, named
from telemock.analysis.secret_rules import SECRET_RULES

_IPV4 = form(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\w|-(?!\d{1,3}(?:\.\d{1,3}){3}))")
_IPV4_NEEDS = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_INTERNAL = "local|localdomain|internal|lan|corp|home|intra|intranet|private|domain|home\\.arpa"
_ROOTS = "etc|var|opt|usr|tmp|mnt|srv|data|media|run|private|Library|Applications|Volumes|apps?|workspace"
_IN_PATH = r"[^\s\0\"'`?*|<>,;&=]"
_CARD = (
    r"(?P<it>\d{4}(?P<by>[ -])\d{4}(?P=by)\d{4}(?P=by)\d{4}(?:(?P=by)\d{3})?|\d{4}(?P<by2>[ -])\d{6}(?P=by2)\d{4,5})"
)
_CARD_NEEDS = "[0-9]{4}(?: [0-9]{4}(?:[0-9]{2})? |-[0-9]{4}(?:[0-9]{2})?-)[0-9]{4}"
_NUMBER = form(r"(?<![\w.+-])\d{14,19}(?![\w.-])")

# Of rules that find the same, the surer one wins.
RULES: tuple[Rule, ...] = (
    Rule(
        "email",
        "high",
        form(
            r"(?:(?<![\w.+%:-])|(?<=mailto:)|(?<=smtp:))(?<!//)[\w+'-][\w.+'-]{0,63}@(?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}[a-z]{2,24}(?![\w-]|\.\w|:[\w~])",
            any_case=True,
        ),
        needs="@[A-Za-z0-9]",
        accepts=plausible.is_email,
    ),
    Rule("ip_address", "medium", _IPV4, needs=_IPV4_NEEDS, accepts=plausible.is_ipv4),
    Rule("ip_address", "high", _IPV4, needs=_IPV4_NEEDS, accepts=plausible.is_likely_ipv4),
    Rule(
        "ip_address",
        "high",
        _IPV4,
        needs=_IPV4_NEEDS,
        hint=re.compile(r"(?:^| )(?:ips?|ipv4|addr|address|addresses|gateway|peer|remote|client|forwarded for|dns)\b"),
        accepts=plausible.is_ipv4,
    ),
    Rule(
        "ip_address",
        "high",
        form(r"(?<![\w:.])[0-9a-f]{0,4}:[0-9a-f:.]{1,40}(?:(?<![:.])|(?<=::)(?=/\d))(?![\w:])", any_case=True),
        needs=":[0-9A-Fa-f:.]",
        accepts=plausible.is_ipv6,
    ),
    Rule(
        "mac_address",
        "high",
        form(r"(?<![\w:-])[0-9a-f]{2}(?P<by>[:-])(?:[0-9a-f]{2}(?P=by)){4}[0-9a-f]{2}(?![\w:-])", any_case=True),
        needs=r"[0-9A-Fa-f](?::[0-9A-Fa-f]{2}:|-[0-9A-Fa-f]{2}-)[0-9A-Fa-f]",
        accepts=plausible.is_likely_mac,
    ),
    Rule(
        "mac_address",
        "medium",
        form(r"(?<![\w.-])[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}(?![\w.-])", any_case=True),
        needs=r"[0-9A-Fa-f]\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]",
        accepts=plausible.is_likely_mac,
    ),
    Rule(
        "mac_address",
        "medium",
        form(
            r"(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-(?P<it>[0-9a-f]{12})(?![\w-])",
            any_case=True,
        ),
        needs="-1[0-9A-Fa-f]{3}-[89ABab]",
        accepts=plausible.is_node,
    ),
    Rule(
        "mac_address",
        "high",
        form(r"(?<!\w)[0-9a-f]{12}(?!\w)", any_case=True),
        hint=named(r"macs?|mac addr(?:ess(?:es)?)?|hw ?addr|hardware address|ether(?:net)?|bssid"),
        accepts=plausible.is_mac,
    ),
    Rule(
        "host_name",
        "high",
        form(r"\A(?=[^.]*[A-Za-z])[A-Za-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){0,8}\.?\Z"),
        hint=named(
            r"hosts?|host ?name|hn|fqdn|machine|(?:machine|computer|node|server|device|pod|container|dns) ?name"
            r"|computer|workstation|pod"
        ),
        accepts=plausible.is_host,
    ),
    Rule(
        "host_name",
        "medium",
        form(rf"(?<![\w@.-])(?:[A-Za-z0-9][\w-]{{0,62}}\.){{1,8}}(?:{_INTERNAL})(?![\w-]|\.\w)"),
        needs=rf"\.(?:{_INTERNAL})",
        accepts=plausible.is_host,
    ),
    Rule(
        "host_name",
        "high",
        form(
            r"(?<![\w-])(?:ip(?:-\d{1,3}){4}|(?:DESKTOP|LAPTOP)-[A-Z0-9]{7}|WIN-[A-Z0-9]{11})(?![\w-])", any_case=True
        ),
        needs="(?i)ip-[0-9]|DESKTOP-|LAPTOP-|WIN-",
    ),
    Rule(
        "host_name",
        "medium",
        form(r"(?<![\w\\:])\\\\(?P<it>[A-Za-z0-9][\w.-]{1,62})\\[^\\\s]"),
        needs=r"\\\\[A-Za-z0-9]",
    ),
    Rule(
        "user_name",
        "high",
        re.compile(r"\A[^\0\n@:/=&\\]{1,64}\Z"),
        hint=named(
            r"user|user ?names?|login|owner|author|operator|logged in user|run as"
            r"|(?:login|logon|account|full|display|first|last|real|sur|person|owner|contact) ?name"
        ),
        accepts=plausible.is_user,
    ),
    Rule(
        "user_name",
        "high",
        re.compile(
            r"(?:(?:(?<![\w.])|(?<=/mnt/[a-z]))/(?:home|Users)/|\b[A-Za-z]:(?:/|\\+)Users(?:/|\\+))"
            r"(?P<it>[\w.-]+(?: [\w.-]+){0,3}(?=\\)|[\w.-]{1,64})"
        ),
        needs=r"/(?:home|Users)/|:/Users[/\\]|:\\+Users[/\\]",
        accepts=plausible.is_account,
    ),
    Rule(
        "user_name",
        "medium",
        form(r"(?<![\w\\:./-])[A-Z][A-Z0-9-]{1,14}\\(?P<it>[A-Za-z][\w.-]{1,63})\Z"),
        needs=r"[A-Z0-9-]\\[A-Za-z]",
        accepts=plausible.is_user,
    ),
    Rule(
        "path",
        "high",
        re.compile(
            rf"(?<![\w.:/~%-])(?:file://)?(?:/home/|/Users/|/root/|~/){_IN_PATH}{{1,400}}"
            rf"|(?<!\w)[A-Za-z]:/[\w.-]{{1,64}}/{_IN_PATH}{{1,400}}"
            r"|\b[A-Za-z]:\\[^/\0\n\"?*|<>:\\]{1,255}[^/\0\n\"?*|<>:]{0,400}|(?<![\w\\:])\\\\[\w.-]{1,63}\\[^\s\0\"?*|<>]{1,400}"
        ),
        needs=r"/home/|/Users/|/root/|~/|[A-Za-z]:[/\\]|\\\\",
        accepts=plausible.is_file,
    ),
    Rule(
        "path",
        "medium",
        re.compile(rf"(?<![\w.:/~%-])(?:(?:file|unix)://)?/(?:{_ROOTS})/{_IN_PATH}{{1,400}}"),
        needs=rf"/(?:{_ROOTS})/",
        accepts=plausible.is_file,
    ),
    Rule(
        "path",
        "medium",
        re.compile(r"\A/(?:[^\0/\n?*|<>]{1,255}/){1,32}[^\0\n?*|<>]{0,255}\Z"),
        needs="/",
        hint=named(r"(?:\w+ ?)?(?:file ?path|file|file ?name|dir|directory|folder|cwd|home|exe|executable|work ?dir)"),
    ),
    Rule(
        "cloud_account",
        "high",
        form(r"(?<!\w)arn:aws[\w-]{0,10}:[\w-]{1,40}:[\w-]{0,20}:(?P<it>\d{12}):"),
        needs="arn:aws",
    ),
    Rule("cloud_account", "high", form(r"(?<!\d)(?P<it>\d{12})\.dkr\.ecr\."), needs=r"[0-9]\.dkr\.ecr\."),
    Rule(
        "cloud_account",
        "high",
        form(rf"(?<!\w)subscriptions/(?P<it>{_UUID})", any_case=True),
        needs="(?i)subscriptions/",
    ),
    Rule(
        "cloud_account",
        "high",
        form(r"(?<!\w)ocid1\.(?:tenancy|compartment|user)\.[\w.-]{1,200}"),
        needs=r"ocid1\.[tcu]",
    ),
    Rule(
        "cloud_account",
        "high",
        form(
            r"(?<![\w-])projects/(?P<it>[a-z][a-z0-9-]{4,28}[a-z0-9]|\d{6,14})"
            r"/(?:zones|regions|locations|secrets|topics|subscriptions|serviceAccounts)/"
        ),
        needs="projects/[a-z0-9]",
    ),
    Rule(
        "cloud_account",
        "high",
        form(r"\A(?:\d{12}|\d{4}-\d{4}-\d{4})\Z"),
        hint=named(r"(?:(?:aws|cloud|owner|payer|linked|ec2) )?(?:account|owner) ?(?:id|number)?"),
        accepts=plausible.is_varied,
    ),
    Rule(
        "cloud_account",
        "high",
        form(rf"\A{_UUID}\Z", any_case=True),
        hint=named(r"(?:(?:azure|cloud) )?(?:subscription|tenant|directory) ?id"),
    ),
    Rule(
        "cloud_account",
        "medium",
        form(r"\A(?:[a-z][a-z0-9]*(?:-[a-z0-9]+){0,9}-\d{3,12}|\d{10,14})\Z"),
        hint=named(r"(?:gcp|google|cloud) project(?: ?(?:id|number))?|project ?(?:id|number)"),
    ),
    Rule(
        "cloud_instance",
        "high",
        form(
            r"(?<![\w-])(?:i|ami|vol|vpc|subnet|sg|eni|snap|mi|fs|rtb|igw)-(?:[0-9a-f]{17}|(?=[a-f]{0,7}\d)(?!20\d\d[01]\d[0-3]\d)[0-9a-f]{8})(?![\w-])"
        ),
        needs="(?:i|ami|vol|vpc|subnet|sg|eni|snap|mi|fs|rtb|igw)-[0-9a-f]{8}",
    ),
    Rule("cloud_instance", "high", form(r"(?<!\w)ocid1\.(?:instance|image|vnic)\.[\w.-]{1,200}"), needs=r"ocid1\.[iv]"),
    Rule(
        "cloud_instance",
        "high",
        form(r"/virtualMachines/(?P<it>[\w.-]{1,64})", any_case=True),
        needs="(?i)/virtualMachines/",
    ),
    Rule("cloud_instance", "high", form(r"/zones/[\w-]{1,40}/instances/(?P<it>[\w-]{1,64})"), needs="/instances/"),
    Rule(
        "cloud_instance",
        "high",
        form(r"\A\d{15,20}\Z"),
        hint=named(r"(?:(?:gce|gcp|vm|cloud|compute) )?(?:instance|vm) ?id"),
    ),
    Rule("cloud_instance", "high", form(rf"\A{_UUID}\Z", any_case=True), hint=named(r"(?:azure )?vm ?(?:id|uuid)")),
    Rule(
        "phone_number",
        "high",
        form(r"(?<![\w.+:])\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,5}\)[ .-]?)?\d{1,5}(?:[ .-]\d{2,9}){1,5}(?![\w:.])"),
        needs=r"\+[1-9]",
        accepts=plausible.is_phone,
    ),
    Rule(
        "phone_number",
        "medium",
        form(r"(?<![\w.+:])\+[1-9]\d{8,14}(?![\w:.])"),
        needs=r"\+[1-9][0-9]{8}",
        accepts=plausible.is_likely_phone,
    ),
    Rule(
        "phone_number",
        "medium",
        form(r"(?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}(?![\w.-])"),
        needs="[2-9][0-9]{2}[.-][0-9]{4}",
        accepts=plausible.is_phone,
    ),
    Rule(
        "phone_number",
        "high",
        form(r"\A\+?[\d ()./-]{7,24}\Z"),
        hint=named(r"(?:tele)?phone|tel|mobile|cell|fax|msisdn|(?:phone|mobile|cell|fax|contact) ?(?:number|no|nr)"),
        accepts=plausible.is_phone,
    ),
    Rule("card_number", "high", form(rf"(?<![\w.-]){_CARD}(?![\w.-])"), needs=_CARD_NEEDS, accepts=plausible.is_card),
    Rule("card_number", "medium", _NUMBER, needs="[0-9]{14}", accepts=plausible.is_likely_card),
    Rule("card_number", "low", _NUMBER, needs="[0-9]{14}", accepts=plausible.is_card),
    Rule(
        "card_number",
        "high",
        form(r"(?<!\d)\d{14,19}(?!\d)"),
        hint=named(r"(?:credit |debit |payment )?(?:card|cc)(?: ?(?:number|no|nr|num))?|pan"),
        accepts=plausible.is_card,
    ),
    *SECRET_RULES,
)
