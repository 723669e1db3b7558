// Evaluates requests with @cloud-copilot/iam-simulate: a JSON array on standard input, an array of results on standard output.
// Arguments: the folder that has node_modules.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [folder] = process.argv.slice(2)
const entry = createRequire(`${folder}/`).resolve('@cloud-copilot/iam-simulate')
const { runSimulation } = await import(pathToFileURL(entry))

const answers = []
for (const it of JSON.parse(readFileSync(0, 'utf8'))) {
  const result = await runSimulation(
    {
      request: {
        principal: it.principal,
        action: it.action,
        resource: { resource: it.resource, accountId: it.account },
        contextVariables: it.context,
      },
      identityPolicies: it.identityPolicies.map((policy, index) => ({ name: `policy ${index}`, policy })),
      resourcePolicy: it.resourcePolicy ?? undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  answers.push(result.errors ? JSON.stringify(result.errors) : (result.overallResult ?? result.resultType))
}
console.log(JSON.stringify(answers))
