package providertest

import "net/http"

// Fault is an error that a provider answers.
type Fault string

// The faults. Each wire has them in its own words and its own status.
const (
	InvalidKey     Fault = "invalid key" // the answer repeats the key where the provider's does
	Forbidden      Fault = "forbidden"
	UnknownModel   Fault = "unknown model"
	RateLimited    Fault = "rate limited"
	OutOfQuota     Fault = "out of quota"
	ContextTooLong Fault = "context too long"
	FilteredPrompt Fault = "filtered prompt" // Azure's; elsewhere a refused request
	RefusedFormat  Fault = "refused format"  // structured output is not to be had
	Overloaded     Fault = "overloaded"      // 529 at Anthropic, 503 elsewhere
	ServerError    Fault = "server error"
	BadGateway     Fault = "bad gateway" // a proxy's page
)

// Faults lists every fault.
func Faults() []Fault {
	return []Fault{InvalidKey, Forbidden, UnknownModel, RateLimited, OutOfQuota, ContextTooLong, FilteredPrompt, RefusedFormat, Overloaded, ServerError, BadGateway}
}

// body is the status and the body of the fault's answer.
func (f Fault) body(w Wire) (int, string) {
	if f == BadGateway {
		return http.StatusBadGateway, "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
	}
	switch w {
	case Anthropic:
		return f.anthropic()
	case Bedrock:
		return f.bedrock()
	case Google:
		return f.google()
	case XAI:
		return f.xai()
	case OpenRouter:
		return f.openRouter()
	case Compatible:
		return f.compatible()
	case Azure:
		return f.azure()
	}
	return f.openAI()
}

func (f Fault) openAI() (int, string) {
	answer := func(status int, kind, code, message string) (int, string) {
		return status, text(object{"error": object{"message": message, "type": kind, "param": nil, "code": code}})
	}
	const invalid = "invalid_request_error"
	switch f {
	case InvalidKey:
		return answer(401, invalid, "invalid_api_key", "Incorrect API key provided: "+Key+". You can find your API key at https://platform.openai.com/account/api-keys.")
	case Forbidden:
		return answer(403, "request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported")
	case UnknownModel:
		return answer(404, invalid, "model_not_found", "The model `gpt-4.1-2025-04-14` does not exist or you do not have access to it.")
	case RateLimited:
		return answer(429, "requests", "rate_limit_exceeded", "Rate limit reached for gpt-4.1 in organization org-x on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.")
	case OutOfQuota:
		return answer(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")
	case ContextTooLong:
		return answer(400, invalid, "context_length_exceeded", "This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens. Please reduce the length of the messages.")
	case FilteredPrompt:
		return answer(400, invalid, "content_filter", "The response was filtered.")
	case RefusedFormat:
		return answer(400, invalid, "", "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.")
	case Overloaded:
		return answer(503, "server_error", "", "The engine is currently overloaded, please try again later")
	}
	return answer(500, "server_error", "", "The server had an error while processing your request. Sorry about that!")
}

func (f Fault) azure() (int, string) {
	switch f {
	case InvalidKey:
		return 401, text(object{"error": object{"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}})
	case UnknownModel:
		return 404, text(object{"error": object{"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}})
	case RateLimited:
		return 429, text(object{"error": object{"code": "429", "message": "Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current pricing tier. Please retry after 7 seconds."}})
	case FilteredPrompt:
		return 400, text(object{"error": object{
			"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", "type": nil, "param": "prompt",
			"code": "content_filter", "status": 400, "innererror": object{"code": "ResponsibleAIPolicyViolation"},
		}})
	}
	return f.openAI()
}

func (f Fault) anthropic() (int, string) {
	answer := func(status int, kind, message string) (int, string) {
		return status, text(object{"type": "error", "error": object{"type": kind, "message": message}, "request_id": "req_011"})
	}
	const invalid = "invalid_request_error"
	switch f {
	case InvalidKey:
		return answer(401, "authentication_error", "invalid x-api-key")
	case Forbidden:
		return answer(403, "permission_error", "Your API key does not have permission to use the specified resource.")
	case UnknownModel:
		return answer(404, "not_found_error", "model: claude-opus-4-6")
	case RateLimited:
		return answer(429, "rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute.")
	case OutOfQuota:
		return answer(400, invalid, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.")
	case ContextTooLong:
		return answer(400, invalid, "prompt is too long: 214315 tokens > 200000 maximum")
	case FilteredPrompt:
		return answer(400, invalid, "Output blocked by content filtering policy")
	case RefusedFormat:
		return answer(400, invalid, "output_config.format: structured outputs are not supported by this model")
	case Overloaded:
		return answer(529, "overloaded_error", "Overloaded")
	}
	return answer(500, "api_error", "Internal server error")
}

func (f Fault) bedrock() (int, string) {
	answer := func(status int, message string) (int, string) { return status, text(object{"message": message}) }
	switch f {
	case InvalidKey, Forbidden:
		return answer(403, "The security token included in the request is invalid.")
	case UnknownModel:
		return answer(404, "Could not resolve the foundation model from the provided model identifier.")
	case RateLimited:
		return answer(429, "Too many requests, please wait before trying again.")
	case OutOfQuota:
		return answer(402, "You have no credit left.")
	case ContextTooLong:
		return answer(400, "Input is too long for requested model.")
	case FilteredPrompt:
		return answer(400, "Output blocked by content filtering policy")
	case RefusedFormat:
		return answer(400, "output_config: Extra inputs are not permitted")
	case Overloaded:
		return answer(503, "Bedrock is unable to process your request.")
	}
	return answer(500, "The system encountered an unexpected error during processing. Try your request again.")
}

func (f Fault) google() (int, string) {
	answer := func(code int, status, message string, details ...object) (int, string) {
		return code, text(object{"error": object{"code": code, "message": message, "status": status, "details": details}})
	}
	switch f {
	case InvalidKey:
		return answer(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", object{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"})
	case Forbidden:
		return answer(403, "PERMISSION_DENIED", "Generative Language API has not been used in project 1 before or it is disabled.")
	case UnknownModel:
		return answer(404, "NOT_FOUND", "models/gemini-3-flash-preview is not found for API version v1beta, or is not supported for generateContent.")
	case RateLimited:
		return answer(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", object{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"})
	case OutOfQuota:
		return answer(402, "FAILED_PRECONDITION", "Your prepayment credits are depleted.")
	case ContextTooLong:
		return answer(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).")
	case FilteredPrompt:
		return answer(400, "INVALID_ARGUMENT", "Request contains an invalid argument: content_filter.")
	case RefusedFormat:
		return answer(400, "INVALID_ARGUMENT", "JSON mode is not enabled for models/gemini-3-flash-preview")
	case Overloaded:
		return answer(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
	}
	return answer(500, "INTERNAL", "An internal error has occurred. Please retry.")
}

// xai writes most errors as a text.
func (f Fault) xai() (int, string) {
	answer := func(status int, code, message string) (int, string) {
		return status, text(object{"code": code, "error": message})
	}
	switch f {
	case InvalidKey:
		return answer(400, "Client specified an invalid argument", "Incorrect API key provided: "+Key[:7]+"***. You can obtain an API key from https://console.x.ai.")
	case Forbidden:
		return answer(403, "The caller does not have permission to execute the specified operation", "Your team does not have access to this model.")
	case UnknownModel:
		return answer(404, "Some requested entity was not found", "The model grok-4 does not exist or your team does not have access to it.")
	case RateLimited:
		return answer(429, "Some resource has been exhausted", "Too many requests for team. Your team's rate limit is 10 requests per minute.")
	case OutOfQuota:
		return answer(402, "The caller does not have permission", "Your team has used all available credits.")
	case ContextTooLong:
		return answer(400, "Client specified an invalid argument", "This model's maximum prompt length is 131072 but the request contains 140000 tokens.")
	case FilteredPrompt:
		return answer(400, "Client specified an invalid argument", "The prompt was stopped by the content_filter.")
	case RefusedFormat:
		return answer(400, "Client specified an invalid argument", "This model does not support response_format.")
	case Overloaded:
		return answer(503, "The service is currently unavailable", "The model is at capacity. Please try again later.")
	}
	return answer(500, "Internal error", "Internal server error")
}

func (f Fault) openRouter() (int, string) {
	answer := func(code int, message string) (int, string) {
		return code, text(object{"error": object{"code": code, "message": message, "metadata": object{"provider_name": "OpenAI"}}, "user_id": "user_1"})
	}
	switch f {
	case InvalidKey:
		return answer(401, "No auth credentials found")
	case Forbidden:
		return answer(403, "Your chosen model requires moderation and your input was flagged")
	case UnknownModel:
		return answer(404, "No endpoints found for openai/gpt-4.1.")
	case RateLimited:
		return answer(429, "Rate limit exceeded: free-models-per-min.")
	case OutOfQuota:
		return answer(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits")
	case ContextTooLong:
		return answer(400, "This endpoint's maximum context length is 128000 tokens. However, you requested about 140000 tokens (138000 of text input, 2000 in the output).")
	case FilteredPrompt:
		return answer(400, "Provider returned error: content_filter")
	case RefusedFormat:
		return answer(400, "Provider returned error: response_format is not supported")
	case Overloaded:
		return answer(503, "No available model provider that meets your routing requirements")
	}
	return answer(500, "Internal Server Error")
}

// compatible has the words of llama.cpp, vLLM and Ollama.
func (f Fault) compatible() (int, string) {
	answer := func(code int, kind, message string) (int, string) {
		return code, text(object{"error": object{"code": code, "message": message, "type": kind}})
	}
	switch f {
	case InvalidKey:
		return answer(401, "authentication_error", "Invalid API Key")
	case Forbidden:
		return answer(403, "forbidden", "Forbidden")
	case UnknownModel:
		return answer(404, "api_error", `model "qwen3:8b" not found, try pulling it first`)
	case RateLimited:
		return answer(429, "rate_limit", "Too many requests")
	case OutOfQuota:
		return answer(402, "billing", "No credit")
	case ContextTooLong:
		return answer(400, "exceed_context_size_error", "the request exceeds the available context size (4096 tokens), try increasing it")
	case FilteredPrompt:
		return answer(400, "content_filter", "content_filter")
	case RefusedFormat:
		return 422, text(object{"error": object{
			"message": "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\", 'input': 'json_schema'}]",
			"type":    "internal_server_error", "param": nil, "code": nil,
		}})
	case Overloaded:
		return answer(503, "unavailable_error", "Loading model")
	}
	return answer(500, "server_error", "Internal Server Error")
}
